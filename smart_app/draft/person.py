"""First person into third, only where the result is certain: "Client reports they ...".

"They" takes the plain verb, as "I" does, so no verb changes but am and was; tense, negation, numbers and order stay as
spoken. Any word that could make "they" mean somebody else, or a form not in the table, refuses: the caller then quotes.
"""

import re

_BEGINS = re.compile(r"^(?:(?:and|so|well|then|also)[, ]+)*((?:i|i'm|i've|i'll|my)\b.*)$", re.IGNORECASE)
_REFUSE = re.compile(
    # other people, whom "they" or "their" could mean; the listener; the speaker in company; another's words
    r"\b(?:they|them|their|theirs|they're|they've|they'll|themselves|he|she|him|her|his|hers|he's|she's|we|us|our|ours|"
    r"we're|we've|we'll|let's|you|your|yours|you're|you've|you'll|mine|myself|people|everyone|everybody|someone|somebody|"
    r"anyone|anybody|nobody|no one|friends?|parents?|brothers?|sisters?|mothers?|fathers?|mum|mom|dad|sons?|daughters?|"
    r"child|children|kids?|baby|babies|wife|husband|partners?|boyfriends?|girlfriends?|colleagues?|managers?|boss(?:es)?|"
    r"doctors?|dr|nurses?|therapists?|teachers?|men|man|women|woman|neighbou?rs?|cousins?|aunts?|uncles?|grand\w+|team|"
    r"family|guys?|police|voices?|said|says|say|told|tell|asked|called|like)\b"
    # asides, restarts and irony that only a quotation keeps
    r"|, (?:(?:no|nope)(?=\W+\w)|wait|sorry|actually|rather|or rather|i meant|i tell a lie|make that|scratch that)\b"
    r"|--|\.\.\.|\b(?:i mean|you know|i'd|ain't|whatever|joking|kidding|sort of|kind of|"
    r"oh my|my god|my goodness|my word|(?:type|stage|phase|class|bipolar) i)\b"
    # starting anew, thinking aloud, and what is left unsaid after "used to"
    r"|\b(?:i|i'm|i've|i'll|my)\b[^,.]{0,24},\s*(?:yeah\W+|no\W+|well\W+)*(?:i|i'm|i've|i'll)\b"
    r"|\bi,|\b(?:a|an|the|to|and|but|is|are|with|of),\s|\b(?:yeah|okay|ok|maybe)\b"
    r"|\bi\W+(?:(?:not|never|no|\w+n't|am|was|do|did|have|had|can|will|would)\W+)?i\b"
    r"|\bused to\W+(?:and|but|or|every|daily|a lot|sometimes|often|all|for|in|when|$)"
    # pointing at something outside the sentence
    r"|\b(?:it|that|this|these|those|one|ones|there|so|too|either|it's|that's|same|did|done|do|does)\b",
    re.IGNORECASE,
)
_ADVERB = r"(?:really|just|also|only|still|usually|sometimes|often|always|never|mostly|mainly|currently|now|not)"
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), result)
    for pattern, result in (
        (rf"\bI( {_ADVERB})? am\b", r"they\1 are"),
        (rf"\bI( {_ADVERB})? was\b", r"they\1 were"),
        (rf"\bI( {_ADVERB})? wasn't\b", r"they\1 weren't"),
        (r"\bI'm\b", "they're"),
        (r"\bI've\b", "they've"),
        (r"\bI'll\b", "they'll"),
        (r"\bI\b", "they"),
        (r"\bmy\b", "their"),
        (r"\bme\b", "them"),
    )
)
_NOT_A_SUBJECT = re.compile(
    r"\b(?:am|was|do|did|have|had|can|could|will|would|should|may|might|must|than|between|and my \w+ and) I\b"
    r"|\bI(?: or| and)\b|\b\w+ and me\b|\bme and\b",
    re.IGNORECASE,
)
_STRANDED = re.compile(rf"\b(?:am|wasn't)\b|\b(?:and|but|or|then|,)\s*(?:{_ADVERB} )?was\b", re.IGNORECASE)
MIN_WORDS = 4
"""Shorter sentences ("I do.") lean on what was said before."""


def reported(text: str) -> str | None:
    """Return `Client reports they ...` for a sentence of the client's, or None where that is not certain."""
    begun = _BEGINS.match(text.strip())
    if begun is None or len(text.split()) < MIN_WORDS or text.rstrip().endswith(("?", ",", "-", "I")):
        return None
    body = begun.group(1)
    if _REFUSE.search(body.replace("do not", "").replace("did not", "").replace("does not", "")):
        return None
    if _NOT_A_SUBJECT.search(body):
        return None
    for pattern, result in _RULES:
        body = pattern.sub(result, body)
    if _STRANDED.search(body) or re.search(r"\b(?:i|i'\w+)\b", body, re.IGNORECASE):
        return None
    return f"Client reports {body.rstrip('.!;: ')}."
