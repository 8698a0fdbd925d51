"""The paper's figures and claims, from stored records: contract -> cells -> verdicts, drawings -> page."""
