"""Crude stems: how the words of a statement are compared with those of its lines."""

from smart_app.draft.words import IMPAIRED, WITHOUT_CONTENT, is_negator, tokens

_CONCEPTS = {
    "drink": "alcohol drink drinks drinking drunk drank beer wine vodka liquor sober",
    "sleep": "sleep sleeping slept asleep insomnia",
    "suicide": "suicide suicidal suicidality dying die kill killing",
    "selfharm": "harm harming hurting",
    "drug": "medication medications medicine medicines",
    "milligram": "mg milligram milligrams",
}
_CONCEPT_OF = {word: concept for concept, words in _CONCEPTS.items() for word in words.split()}


def stem(word: str) -> str:
    """Return a crude stem, or the concept that the word stands for."""
    if word in _CONCEPT_OF:
        return _CONCEPT_OF[word]
    for ending in ("'s", "ies", "ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending).rstrip("ey") or word
    return word.rstrip("ey") if len(word) > 4 else word


def content(text: str) -> set[str]:
    """Return the stems of the words that carry content; numbers are compared by what they say."""
    return {
        stem(t)
        for t in tokens(text)
        if len(t) > 2 and not t[0].isdigit() and t not in WITHOUT_CONTENT and not is_negator(t) and t not in IMPAIRED
    }
