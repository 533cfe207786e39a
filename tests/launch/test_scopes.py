"""What is asked of which server."""

import pytest

from fhir_mappings.scopes import allows, parse
from smart_app.launch import scopes
from smart_app.launch.scopes import Offer
from tests.fakes.smart_ehr import SCOPE_ALL

V2 = ["permission-v2"]


@pytest.mark.req("C01", "smart@46", "smart@120", "smart@121", "smart@122", "smart@125", "smart@135", "smart@141")
@pytest.mark.req("smart@150", "smart@151", "smart@196", "smart@148")
def test_a_full_server_is_asked_the_whole_line_and_no_more() -> None:
    """No delete, no wildcard, no launch/patient; the same line when the server lists nothing."""
    for supported in (SCOPE_ALL.split(), [SCOPE_ALL.split()], [], None, ["openid", "fhirUser", "offline_access"]):
        asked = scopes.plan(Offer(supported=supported, capabilities=V2))
        assert asked == SCOPE_ALL
    assert "*" not in asked
    assert "launch/" not in asked


def test_only_what_is_discovered_is_asked() -> None:
    """An intersection by meaning, letter by letter; the launch scope is always asked."""
    supported = ["openid", "user/Patient.cruds", "user/Consent.c", "user/Media.rs", "patient/Task.cruds"]
    asked = scopes.plan(Offer(supported=supported, capabilities=V2))
    assert asked == "openid launch user/Patient.rs user/Consent.c user/Media.rs"


def test_a_wildcard_offer_covers_every_type() -> None:
    """`user/*.cruds` is never asked, but it says that each type may be."""
    asked = scopes.plan(Offer(supported=[*SCOPE_ALL.split()[:4], "user/*.cruds"], capabilities=V2))
    assert asked == SCOPE_ALL


def test_a_server_of_smart_1_is_asked_in_its_words() -> None:
    """read and write, where permission-v2 is missing."""
    supported = ["user/Patient.read", "user/Consent.write", "user/Consent.read"]
    asked = scopes.plan(Offer(supported=supported, capabilities=["permission-v1"]))
    assert asked == "launch user/Patient.read user/Consent.read user/Consent.write"


@pytest.mark.req("C06")
def test_it_is_cut_to_what_the_server_creates() -> None:
    """What the CapabilityStatement does not take is not asked for."""
    listed = [
        {"type": "Patient", "interaction": [{"code": "read"}]},
        {"type": "Consent", "interaction": [{"code": "create"}, {"code": "read"}]},
        {"type": "Media"},
    ]
    statement = {"rest": [{"mode": "server", "resource": listed}]}
    asked = scopes.plan(Offer(capabilities=V2, statement=statement)).split()
    assert "user/Patient.rs" in asked
    assert "user/Consent.crs" in asked
    assert "user/Media.crus" in asked, "listed without interactions: nothing is forbidden"
    assert "user/DocumentReference.rs" in asked
    assert "user/Provenance.rs" in asked, "it can be looked for and not created"


@pytest.mark.parametrize("word", ["user/Patient.", "user/Patient.sr", "all/Patient.rs", "launch/patient", "x"])
def test_what_is_no_resource_scope_is_none(word: str) -> None:
    """Letters out of order, other levels, other words."""
    assert parse(word) is None


def test_granted_scopes_are_read_by_meaning() -> None:
    """SMART 1 and 2, wildcards, constraints."""
    assert allows("user/*.read", "Patient", "r")
    assert allows("patient/Patient.rs?x=y", "Patient", "r")
    assert not allows("user/Patient.s", "Patient", "r")
    assert not allows("user/PatientX.r", "Patient", "r")
    assert scopes.costs(SCOPE_ALL, has_refresh=True) == ()
    assert scopes.costs(SCOPE_ALL, has_refresh=False) == (scopes.NO_REFRESH,)


# --- OpenEMR --------------------------------------------------------------------------------------------------------

OPENEMR = {"software": {"name": "OpenEMR"}, "rest": [{"resource": [{"type": "Patient"}]}]}
OPENEMR_LINE = (
    "openid fhirUser profile launch offline_access api:fhir api:oemr patient/Patient.rs patient/Encounter.rs"
    " patient/Binary.r patient/Questionnaire.rs user/patient.r user/encounter.r user/message.c"
    " patient/DocumentReference.rs user/document.crs user/soap_note.crus"
)
MODULE_LINE = (
    OPENEMR_LINE.split(" patient/DocumentReference")[0]
    + " patient/DocumentReference.crus patient/Consent.crus patient/Media.crus user/chartside.crus"
)
OPENEMR_LIST = [
    *["openid", "fhirUser", "launch", "launch/patient", "launch/encounter", "offline_access", "online_access"],
    *["api:oemr", "api:fhir", "patient/Patient.rs", "patient/Encounter.rs", "patient/Binary.r"],
    *["patient/Questionnaire.rs", "patient/DocumentReference.rs", "user/patient.crus", "user/encounter.crus"],
    *["user/document.crs", "user/soap_note.crus", "user/message.cud", "user/DocumentReference.cruds"],
]
MODULE_LIST = [
    *OPENEMR_LIST,
    *["user/chartside.crus", "patient/Consent.cruds", "patient/Media.cruds", "patient/DocumentReference.cruds"],
]


@pytest.mark.req("C01", "C06", "smart@137", "smart@141")
@pytest.mark.parametrize(("listed", "line"), [(OPENEMR_LIST, OPENEMR_LINE), (MODULE_LIST, MODULE_LINE)])
def test_openemr_is_asked_its_own_line(listed: list[str], line: str) -> None:
    """As measured: patient/ for FHIR, user/ for the standard API, api:*; nested list; never both levels of a type."""
    asked = scopes.plan(Offer(supported=[listed], capabilities=[V2], statement=OPENEMR))
    assert sorted(asked.split()) == sorted(line.split())
    levels = {word.split(".")[0].partition("/")[::2] for word in asked.split() if "." in word}
    assert not {name for level, name in levels if level == "user"} & {name for level, name in levels if level != "user"}
    assert not {"launch/patient", "launch/encounter"} & set(asked.split())
    assert scopes.plan(Offer(supported=[listed], capabilities=[V2], statement=None)) == asked, "known by its own scope"


@pytest.mark.req("C06")
def test_openemrs_statement_cuts_nothing_and_its_list_does() -> None:
    """It states no creates that work; what it does not list it would refuse together with all the rest."""
    listed = [word for word in OPENEMR_LIST if word not in {"user/soap_note.crus", "patient/Binary.r"}]
    asked = scopes.plan(Offer(supported=[listed], capabilities=V2, statement=OPENEMR)).split()
    assert set(OPENEMR_LINE.split()) - set(asked) == {"user/soap_note.crus", "patient/Binary.r"}


@pytest.mark.req("smart@152", "C01")
def test_a_standalone_launch_at_openemr_asks_for_the_patient_alone() -> None:
    """launch/patient in the place of launch; launch/encounter is listed there and refused."""
    asked = scopes.plan(Offer(supported=[OPENEMR_LIST], capabilities=V2, statement=OPENEMR), start="standalone")
    assert sorted(asked.split()) == sorted(OPENEMR_LINE.replace(" launch ", " launch/patient ").split())


@pytest.mark.req("smart@147")
def test_what_openemr_grants_is_enough_there() -> None:
    """No words about what nobody asked for; but about what of its own line it withheld."""
    granted = OPENEMR_LINE.replace("api:fhir api:oemr ", "")
    assert scopes.costs(granted, has_refresh=True) == ()
    assert not scopes.reaches_other_patients(granted)
    assert scopes.costs(MODULE_LINE, has_refresh=True) == ()
    assert len(scopes.costs(granted.replace("user/document.crs", ""), has_refresh=True)) == 5
    assert len(scopes.costs(MODULE_LINE.replace("patient/Media.crus", ""), has_refresh=True)) == 1


# --- other servers --------------------------------------------------------------------------------------------------


@pytest.mark.req("smart@137", "smart@147")
def test_a_server_with_patient_scopes_alone_is_asked_those() -> None:
    """A user/ scope would make it refuse the whole request."""
    supported = ["launch", "patient/Patient.rs", "patient/Consent.cruds"]
    asked = scopes.plan(Offer(supported=supported, capabilities=V2))
    assert asked == "launch patient/Patient.rs patient/Consent.crus"


@pytest.mark.req("smart@215", "smart@216")
def test_where_a_login_cannot_outlive_the_user_it_lasts_as_long_as_they_are_online() -> None:
    """online_access only where offline_access is not offered."""
    for listed, expected in (
        (["online_access"], "online_access"),
        (["offline_access", "online_access"], "offline_access"),
    ):
        asked = scopes.plan(Offer(supported=["openid", *listed, "user/Patient.rs"])).split()
        assert [word for word in asked if word.endswith("_access")] == [expected]


@pytest.mark.req("smart@124", "smart@132", "smart@146", "smart@135", "smart@155", "smart@156", "smart@219", "smart@220")
@pytest.mark.parametrize("start", ["ehr", "standalone"])
@pytest.mark.parametrize(
    "offer",
    [
        Offer(),
        Offer(supported=["user/*.cruds", "patient/*.*", "system/*.*"], capabilities=V2),
        Offer(supported=["user/*.*"], capabilities=["permission-v1"]),
        Offer(supported=[OPENEMR_LIST], statement=OPENEMR),
        Offer(supported=[MODULE_LIST], statement=OPENEMR),
    ],
)
def test_no_scope_is_ever_wider_than_needed(offer: Offer, start: scopes.Start) -> None:
    """No delete, no wildcard, no constraint, no further context, no URI; each word as SMART's grammar has it."""
    planned = [*scopes.plan(offer, start=start).split(), *scopes.plan_service(offer).split()]
    plain = {"openid", "fhirUser", "profile", "launch", "launch/patient", "offline_access", "api:fhir", "api:oemr"}
    for word in set(planned) - plain:
        scope = parse(word)
        assert scope is not None, word
        assert scope.resource_type != "*"
        assert not set("?&#:") & set(word)
        assert "d" not in scope.letters or word.endswith(".write"), "SMART 1 has no narrower word"


@pytest.mark.req("smart@143", "smart@235")
def test_the_backend_service_asks_for_what_it_files() -> None:
    """system/ scopes, in the words that the server knows; no patient, no medication; nothing where none is offered."""
    asked = scopes.plan_service(Offer(supported=["system/*.cruds"], capabilities=V2)).split()
    assert asked[0] == "system/DocumentReference.crus"
    assert not [word for word in asked if not word.startswith("system/")]
    assert not {word for word in asked if "Patient" in word or "MedicationRequest" in word or "Condition" in word}
    older = scopes.plan_service(Offer(supported=["system/DocumentReference.*"], capabilities=["permission-v1"]))
    assert older == "system/DocumentReference.read system/DocumentReference.write"
    assert scopes.plan_service(Offer(supported=["system/*.rs", "system/Consent.cruds"])) == "", "it could file no note"
    assert scopes.plan_service(Offer(supported=SCOPE_ALL.split())) == ""


@pytest.mark.req("T01")
@pytest.mark.parametrize(
    "odd",
    [
        {"rest": "x"},
        {"rest": [None, 7, {"resource": {}}]},
        {"rest": [{"resource": ["Patient", {"interaction": "create"}, {"type": "Consent", "interaction": [7]}]}]},
        {"software": "OpenEMR"},
        {"software": ["OpenEMR"]},
    ],
)
def test_a_statement_of_any_shape_is_survived(odd: dict[str, object]) -> None:
    """What cannot be read narrows nothing, or no more than what it lists."""
    assert "user/Patient.rs" in scopes.plan(Offer(statement=odd))
    assert "user/Patient.rs" in scopes.plan(Offer(capabilities=[[[[[["x"]]]]]], supported={"a": 1}, statement=odd))
