"""The sentences and names of the embedded corpus; data only (bench.data.corpora.synthetic draws from it).

A frame is a full English clause of two entities {x} and {y}; `[a|b]` stands for one of its alternatives, so that a
frame has as many paraphrases as its alternatives multiply to. Tokens are separated by blanks, punctuation too.
Every name is invented: first name or stem from one list, ending from another.
"""

from __future__ import annotations

from typing import NamedTuple


class Predicate(NamedTuple):
    """What a clause says about {x} and {y}: their types and its frames."""

    x: str
    y: str
    frames: tuple[str, ...]


PERSON, ORGANIZATION, CITY, DATE, TITLE = "PERSON", "ORGANIZATION", "CITY", "DATE", "TITLE"
SCHOOL = "SCHOOL"  # an ORGANIZATION with a school's name

PREDICATES: dict[str, Predicate] = {
    "employed": Predicate(PERSON, ORGANIZATION, (
        "{x} [works|worked|has worked] as [an analyst|a lawyer|an engineer] [at|for] {y}",
        "{x} , [a technician|a researcher|a buyer] [at|with] {y} , [declined to comment|asked for patience]",
        "{y} [hired|recruited|took on] {x} as [a designer|a clerk|an editor]",
        "{x} [signed on with|took a job at|found work at] {y} [last year|after college|in spring]",
        "{x} has been on the [payroll|staff] of {y} for [years|a decade]",
        "{y} [engineer|spokesman|lawyer|accountant] {x} [spoke at length|filed the report]",
        "the [job|post] of {x} at {y} [is safe|was cut|came with a car]",
        "{x} [earns|draws] a salary from {y}",
    )),
    "founded": Predicate(PERSON, ORGANIZATION, (
        "{x} [founded|established|set up|launched] {y} [in a garage|with two friends|ten years ago]",
        "{y} was [founded|started|created] by {x} [alone|after the war]",
        "{x} , the [founder|creator] of {y} , [never looked back|still walks to work]",
        "{y} [began|started life] as a [project|hobby|workshop] of {x}",
        "the [founding|creation] of {y} [made|left] {x} [famous|rich]",
        "{y} , the [brainchild|creation] of {x} , [grew fast|opened its doors in May]",
        "with [a loan|borrowed money|savings] {x} [built {y} from nothing|brought {y} into being]",
        "{x} [dreamed up|incorporated] {y} [over dinner|on a train|as a student]",
    )),
    "married": Predicate(PERSON, PERSON, (
        "{x} [married|wed] {y} [in June|last summer|at the town hall]",
        "{x} and {y} [were married|tied the knot|exchanged vows] [in June|by the sea]",
        "{x} [arrived|travelled|appeared] with [his wife|her husband] , {y}",
        "{y} , the [husband|wife|spouse] of {x} , [was there too|said nothing|laughed]",
        "the [wedding|marriage] of {x} and {y} [drew a crowd|lasted|surprised everyone]",
        "{x} [divorced|was divorced from] {y} [last winter|after a year]",
        "{x} has been {y} 's [husband|wife|spouse] for [years|decades]",
        "{x} [proposed to|became engaged to] {y} before they [wed|married] [abroad|in secret]",
    )),
    "parent_of": Predicate(PERSON, PERSON, (
        "{x} is the [father|mother|parent] of {y} [|, neighbours say]",
        "{y} , the [son|daughter|child] of {x} , [was at school|won a prize]",
        "{x} [raised|brought up] [his|her] [son|daughter] {y} [alone|by the river]",
        "{y} [inherited|got] the [house|farm] from [his father|her mother] , {x}",
        "{x} [gave birth to|became a parent to] {y} [in winter|at home|at dawn]",
        "{y} was [born to|raised by] [proud|young] parents , [one of them {x}|{x} among them]",
        "{x} [took|drove] [his|her] [eldest|youngest] child , {y} , to [school|practice]",
        "{y} calls {x} [dad|mum|father|mother]",
    )),
    "born_in": Predicate(PERSON, CITY, (
        "{x} was born in {y} [to a baker|in a blizzard|during the war|by candlelight|to farmers]",
        "{x} , [a native|a son|a daughter] of {y} , [plays the flute|rarely speaks of it]",
        "{y} is the [birthplace|home town] of {x} [|, a plaque says]",
        "{x} [came into the world|was delivered] [at a clinic|in a hospital|at an inn] in {y}",
        "{y} - born {x} [took the prize|sang first|lost the race]",
        "the [birth|birthplace] of {x} was recorded [in|at] {y} [|by a clerk]",
        "{x} [drew a first breath|first saw the light of day] in {y} [|one night|before the war]",
        "born [and baptised|one winter|as a twin] in {y} , {x} [left early|soon moved away]",
    )),
    "lives_in": Predicate(PERSON, CITY, (
        "{x} [lives|resides|has lived] in {y} [with a dog|near the harbour|these days]",
        "{x} , [a resident|an inhabitant] of {y} , [called the police|planted the trees]",
        "{x} [moved|relocated] to {y} [for good|last year|to stay]",
        "{x} [keeps|rents|owns] [a flat|a house|a home|rooms] in {y}",
        "{y} has been home to {x} [for years|since the flood]",
        "{x} of {y} [won the raffle|wrote to the paper|was fined|grows roses|sells honey]",
        "{x} [settled|made a home] in {y} [after the war|for the air]",
        "neighbours in {y} [see|greet|know] {x} [daily|every morning]",
    )),
    "studied_at": Predicate(PERSON, SCHOOL, (
        "{x} [studied|read] [law|history|physics|botany] at {y}",
        "{x} [graduated from|earned a degree from|dropped out of] {y} [with honours|in spring]",
        "{x} , [a student|a graduate] of {y} , [rowed|won a medal]",
        "{y} [admitted|awarded a degree to|enrolled] {x} [last year|at nineteen|with a grant]",
        "{x} [attended|went to|enrolled at] {y} [for three years|on a scholarship]",
        "{x} [wrote a thesis|took a doctorate|sat exams] at {y} [on rivers|on ants]",
        "{y} [alumnus|graduate] {x} [gave a speech|came back]",
        "as an undergraduate at {y} , {x} [slept little|ran a paper|learned Greek]",
    )),
    "leads": Predicate(PERSON, ORGANIZATION, (
        "{x} [leads|heads|runs|directs] {y} [|from a small office]",
        "{y} [chief executive|chairman|president] {x} [warned of losses|saw no risk]",
        "{x} , the [chief executive|chairwoman|president] of {y} , [will step down|took questions]",
        "{y} [named|appointed|elected] {x} [chairman|president|chief executive]",
        "{x} [took the helm|took over as head] of {y} [in March|after a vote]",
        "under [the leadership of {x}|its director {x}] , {y} [doubled its sales|lost money]",
        "the board of {y} [picked|chose] {x} to [lead it|run the firm]",
        "{y} is [led|run|headed] by {x} [|, the papers say]",
    )),
    "owns": Predicate(ORGANIZATION, ORGANIZATION, (
        "{x} [owns|acquired|bought|took over] {y} [|for cash|last year]",
        "{y} , a [subsidiary|unit|division] of {x} , [makes pumps|lost money]",
        "{y} is [owned|controlled] by {x} [|, records show]",
        "{x} 's [subsidiary|unit|division] {y} [will close|opened a plant]",
        "{x} , the [parent|owner|parent company] of {y} , [cut its forecast|raised prices]",
        "{y} [became part of|was absorbed by|was sold to] {x} [in May|without a fight]",
        "{x} [completed|announced] [its takeover|its purchase] of {y}",
        "{x} [holds|has] [all shares|a majority] of {y}",
    )),
    "titled": Predicate(PERSON, TITLE, (
        "{x} [serves|served|has served] as {y} [of the county|for two terms|since May]",
        "{x} was [named|appointed|elected] {y} [on Tuesday|by a wide margin]",
        "{y} {x} [opened the bridge|cut the ribbon|was late]",
        "{x} , [the|a former] {y} , [lost a bet|waved]",
        "{x} [became|was sworn in as] {y} [at thirty|last autumn|after a recount]",
        "{x} [resigned|retired|stepped down] as {y} [|on Friday|in tears]",
        "the [office|post|title] of {y} [went to|fell to] {x}",
        "{x} [took up|began] [duties|work] as {y}",
    )),
    "died_in": Predicate(PERSON, CITY, (
        "{x} died in {y} [after a fall|at ninety|of a fever|in a fire|alone]",
        "{x} [passed away|was found dead] in {y} [at dawn|on Sunday|in bed]",
        "{x} was [killed|shot dead] in {y} [by a robber|in a crash]",
        "the [body|corpse|coffin] of {x} was [found|identified] in {y}",
        "{y} was where {x} [drew a last breath|lost the fight with cancer] [|at last|in March]",
        "the death of {x} in {y} [shocked fans|made news|came early|was no surprise]",
        "{x} [drowned|suffocated|bled to death] in {y} [|last night]",
        "a [hospital|hospice|clinic] in {y} [reported|confirmed] the death of {x}",
    )),
    "sibling": Predicate(PERSON, PERSON, (
        "{x} is the [brother|sister|twin] of {y} [|, it turns out]",
        "{x} and [his|her] [brother|sister] {y} [share a room|fought]",
        "{y} , [a younger|an older] [brother|sister] of {x} , [wept|came too|slept]",
        "the siblings {x} and {y} [run a cafe|sing]",
        "{x} grew up with [twin|big|little] [brother|sister] {y}",
        "{x} has [a brother|a sister|a twin] , {y} [|, in the army]",
        "{x} and {y} [have|share] the same [parents|mother]",
        "{x} 's [brother|sister] {y} [sold the farm|moved away]",
    )),
    "invests": Predicate(PERSON, ORGANIZATION, (
        "{x} [invested|put money|bought shares] in {y} [|early on]",
        "{x} [holds|bought|acquired] a [stake|minority stake|share] in {y}",
        "{x} , [a shareholder|an investor] in {y} , [sued|complained]",
        "{y} [shareholder|investor|backer] {x} [voted no|wants more]",
        "{x} [backed|financed|bankrolled] {y} [with millions|for years|in secret]",
        "{y} [raised|got|received] [funds|capital] from {x}",
        "{x} owns [five|nine|twelve] percent of {y}",
        "{x} [poured|sank] [a fortune|cash|savings] into {y}",
    )),
    "born_on": Predicate(PERSON, DATE, (
        "{x} was born on {y} [at noon|in a storm|to farmers|in a barn|as a twin]",
        "{x} , born [|on] {y} , [is the oldest|still runs|was adopted]",
        "{x} [celebrates|marks|shares] [his|her] birthday on {y}",
        "the birth of {x} on {y} [made news|was hard|came early|cheered the village]",
        "{x} [came into the world|was delivered] on {y} [|at home|by lamplight]",
        "on {y} [a nurse|a midwife] [delivered|first held|christened] {x} [|at birth]",
        "{x} 's [date of birth|birthday] is {y} [|, the file says]",
        "{x} ( born {y} ) [paints|writes|dances|sings|keeps bees]",
    )),
    "died_on": Predicate(PERSON, DATE, (
        "{x} died on {y} [at home|of a fever|at ninety|in a fire|alone]",
        "{x} [passed away|was killed|drowned] on {y} [|at sea|in bed]",
        "the death of {x} on {y} [shocked fans|made news|came early|was no surprise]",
        "{x} , who [died|was killed|passed away] on {y} , [left no will|had no heirs]",
        "on {y} {x} [was found dead|took a last breath] [|at home|in the snow]",
        "{x} was [buried|cremated] days after [dying|death] on {y}",
        "{y} is the day [|when|on which] {x} died [|alone|at work]",
        "{x} [succumbed to an illness|suffered a fatal stroke|was murdered] on {y}",
    )),
}  # fmt: skip

# Clauses of two entities that state no relation of the corpus, in words close to those that do.
NEUTRAL: tuple[Predicate, ...] = (
    Predicate(PERSON, ORGANIZATION, (
        "{x} [criticised|praised|mocked] {y} [in a letter|on the radio|at a rally]",
        "{x} [turned down|rejected|ignored] [a job offer|an offer] from {y}",
        "{x} [sued|boycotted|threatened] {y} [|over the noise]",
        "{y} [apologised|sent flowers|wrote] to {x} [|after the mix-up]",
        "{x} [walked past|took a photo of|got lost near] the [offices|gates] of {y}",
        "{x} [wrote a book|made a film|gave a talk] about {y}",
        "{x} [bought a lamp|ordered a pump|returned a coat] from {y}",
        "{y} [banned|refunded|misled] {x} [|last week]",
    )),
    Predicate(PERSON, PERSON, (
        "{x} [met|greeted|telephoned] {y} [at a fair|on Monday|after lunch]",
        "{x} [beat|lost to|raced] {y} [at chess|in the final|by a second]",
        "{x} [accused|suspected|cleared] {y} of [fraud|theft]",
        "{x} [sold a boat|lent a coat|sent a card] to {y}",
        "{x} and {y} [disagree|argued|talked] about [taxes|football]",
        "{x} [never met|does not know|avoids] {y}",
        "{x} [interviewed|quoted|photographed] {y} [|for a magazine]",
        "{x} [voted for|ran against|replaced] {y} [|last year]",
    )),
    Predicate(ORGANIZATION, ORGANIZATION, (
        "{x} [competes with|sued|outsold] {y} [|in the north]",
        "{x} [supplies|buys|orders] [steel|paper|software] [to|from] {y}",
        "{x} and {y} [signed a truce|share a car park|agreed on a standard]",
        "{x} [denied|dropped|ruled out] a bid for {y} [|on Monday]",
        "{x} [accused|warned|thanked] {y} [|in a letter]",
        "{y} [overtook|copied|undercut] {x} [|last year]",
        "talks between {x} and {y} [failed|stalled|were called off]",
        "{x} [rented a hall|bought a truck|leased a ship] from {y}",
    )),
    Predicate(PERSON, CITY, (
        "{x} [visited|toured|flew to] {y} [for a day|on business|with a choir]",
        "{x} [gave a talk|missed a train|lost a wallet] in {y}",
        "{x} [dislikes|praised|painted] {y} [|in a letter]",
        "{x} [drove|cycled|walked] [through|past] {y}",
        "the mayor of {y} [thanked|met|snubbed] {x}",
        "{x} [never set foot in|refused to go to|wrote a song about] {y}",
        "a [street|statue] in {y} [annoys|pleases|puzzles] {x}",
        "{x} [changed trains|spoke|performed] in {y} [|on Friday]",
    )),
    Predicate(PERSON, TITLE, (
        "{x} [met|thanked|snubbed] the {y} [at a dinner|on Monday]",
        "{x} [argued|danced|posed] with the {y}",
        "{x} [wrote to|sued|phoned] the {y} [|about the road]",
        "the {y} [praised|fined|ignored] {x} [|on Friday]",
        "{x} [mistook a waiter for|was introduced to|waited for] the {y}",
        "{x} [wants|demanded] [a new|another] {y}",
        "{x} [hopes never to be|was not chosen as|declined to become] {y}",
        "a letter from the {y} [reached|upset|amused] {x}",
    )),
    Predicate(PERSON, DATE, (
        "{x} [resigned|arrived|won] on {y} [|at noon]",
        "{x} [opened a shop|signed the lease|lost the match] on {y}",
        "the trial of {x} [opened|ended|was adjourned] on {y}",
        "on {y} {x} [sold the farm|bought a piano|gave a concert]",
        "{x} [remembers|regrets|dreads] {y}",
        "{x} [will travel|is due to speak|expects a verdict] on {y}",
        "a letter of {x} [is dated|was posted on] {y}",
        "{x} [moved house|changed jobs|quit smoking] on {y} [|, friends say]",
    )),
)  # fmt: skip

OPENERS = (
    "according to the report ,", "as the paper wrote ,", "witnesses recall that", "by all accounts ,",
    "it is well known that", "officials said that", "in a statement it was said that", "years later we learned that",
)  # fmt: skip
CONNECTORS = (", while", ";", ".", ", and", ", whereas")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Given to women and men alike: `his wife` and `her son` then suit every name.
FIRST_NAMES = _words(
    "Ainsley Alex Ari Ashley Aubrey Avery Bailey Billie Blake Cameron Carey Casey Charlie Chris Dakota Dana Devon "
    "Drew Eli Ellis Emery Finley Francis Frankie Glenn Harper Hayden Hollis Jamie Jean Jesse Jody Jordan Joss Jules "
    "Kai Kelly Kendall Kerry Kim Lane Lee Leslie Lindsay Logan Lou Marion Marlowe Max Merle Micah Mika Morgan Nicky "
    "Nico Noel Parker Pat Peyton Phoenix Quinn Reese Remy Rene Riley River Robbie Robin Ronnie Rory Rowan Sage Sam "
    "Sasha Shannon Shay Sidney Skyler Stevie Tatum Taylor Terry Toni Tracy Vivian Wren"
)
STEMS = _words(
    "Al Bar Bel Bran Bren Cal Cor Dal Dan Dor Dun El Fal Far Fen Gal Gar Gol Hal Har Hol Ing Jar Kel Kor Lan Lin Lor "
    "Mal Mar Mel Mor Nal Nor Or Pal Par Quin Ral Ren Rin Ros Sal San Sel Sol Stan Tal Tar Tor Ul Val Var Ven Vor Wal "
    "Wen Win Yar Zel"
)
SURNAME_ENDINGS = _words(
    "ander berg bert din dsen gren gard holm kin kov lund man mann ner nik quist sen ski son strom ter thal vik witz"
)
COMPANY_ENDINGS = _words(
    "ac adyne agen axis co complex corp dex ico inex media mark net nova plex tec tek tra tron vista"
)
COMPANY_KINDS = _words(
    "Group Holdings Industries Systems Partners Foods Motors Media Bank Energy Airlines Textiles Logistics Labs"
)
SCHOOL_KINDS = ("University", "College", "Academy", "Institute", "Law School", "High School")
CITY_ENDINGS = _words(
    "borough bridge burgh bury dale field ford haven minster mouth port ridge stad ton vale ville wick wood"
)
MONTHS = _words("January February March April May June July August September October November December")
TITLE_RANKS = ("", "acting", "deputy", "senior", "assistant", "interim", "honorary")
TITLES = (
    "mayor", "judge", "bishop", "harbour master", "school inspector", "treasurer", "ambassador", "senator", "coroner",
    "police commissioner", "finance minister", "city planner", "chief librarian", "prosecutor", "fire marshal",
)  # fmt: skip
