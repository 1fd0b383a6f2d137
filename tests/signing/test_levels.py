"""Every PAdES level, sealed directly or raised afterwards, and what is honestly said about it."""

from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from asn1crypto import ocsp as asn1_ocsp
from asn1crypto import x509 as asn1_x509
from asn1crypto.pem import unarmor
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESPassed
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.validation.ades import ades_lta_validation
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.policy_decl import (
    LocalKnowledge,
    PdfSignatureValidationSpec,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.policy_decl import (
    CertRevTrustPolicy,
    RevocationCheckingPolicy,
    RevocationCheckingRule,
)
from pyhanko_certvalidator.registry import SimpleTrustManager

from smartroom.protocol.signing import Level
from smartroom.protocol.verdict import Finding, JudgeDocument, Light, Verdict
from smartroom.signing.testing.bsre import signer_of
from smartroom.signing.verify.judge import judge
from tests.signing.rig import PERSONAL_NUMBER, Office, berita_acara, make_office

KNOWN, UNPROVEN = Finding.KNOWN, Finding.KNOWN_UNREVOKED_UNPROVEN
EXPECTED = {
    "b-b": (Finding.INTACT, UNPROVEN, Finding.CLAIMED, Level.B_B),
    "b-t": (Finding.INTACT, UNPROVEN, Finding.STAMPED, Level.B_T),
    "b-lt": (Finding.EXTENDED, KNOWN, Finding.GUARANTEED, Level.B_LT),
    "b-lta": (Finding.EXTENDED, KNOWN, Finding.GUARANTEED, Level.B_LTA),
    "raised-b-lt": (Finding.EXTENDED, KNOWN, Finding.GUARANTEED, Level.B_LT),
    "raised-b-lta": (Finding.EXTENDED, KNOWN, Finding.GUARANTEED, Level.B_LTA),
    "b-lt-then-b-lta": (Finding.EXTENDED, KNOWN, Finding.GUARANTEED, Level.B_LTA),
    "renewed": (Finding.EXTENDED, KNOWN, Finding.GUARANTEED, Level.B_LTA),
}


def findings(verdict: Verdict) -> tuple[Finding, Finding, Finding]:
    """The three lines' reasons."""
    return verdict.intact.finding, verdict.known.finding, verdict.time.finding


@pytest.mark.parametrize("sample", EXPECTED)
async def test_each_level_gets_its_three_lines(office: Office, samples: dict[str, bytes], sample: str) -> None:
    """With all services gone, each level proves what it should and no more; all of them may be called TTE sah."""
    verdict = await judge(samples[sample], office.wish())
    (seen,) = verdict.signatures
    assert (*findings(verdict), seen.level) == EXPECTED[sample]
    assert verdict.passed
    assert seen.signer == "Dr. Siti Rahmawati, M.Si."
    assert verdict.pages == 2


@pytest.mark.parametrize("sample", ["b-lta", "raised-b-lta", "renewed"])
async def test_the_librarys_ades_validation_agrees(office: Office, samples: dict[str, bytes], sample: str) -> None:
    """ETSI EN 319 102-1 long-term validation, offline and with revocation required, passes for what we call B-LTA."""
    trust = office.wish()
    root, intermediate = (
        asn1_x509.Certificate.load(unarmor(each.encode())[2]) for each in (*trust.roots, *trust.intermediates)
    )
    rule = RevocationCheckingRule.CHECK_IF_DECLARED
    policy = CertValidationPolicySpec(
        trust_manager=SimpleTrustManager.build(trust_roots=[root]),
        revinfo_policy=CertRevTrustPolicy(RevocationCheckingPolicy(rule, rule)),
    )
    spec = SignatureValidationSpec(
        cert_validation_policy=policy,
        revinfo_gathering_policy=RevocationInfoGatheringSpec(RevinfoOnlineFetchingRule.LOCAL_ONLY),
        local_knowledge=LocalKnowledge(known_certs=[intermediate]),
    )
    signature = PdfFileReader(BytesIO(samples[sample])).embedded_regular_signatures[0]
    signature.compute_integrity_info()
    result = await ades_lta_validation(signature, PdfSignatureValidationSpec(spec))
    assert result.ades_subindic == AdESPassed.OK


@pytest.mark.parametrize("sample", ["raised-b-lt", "raised-b-lta", "renewed"])
def test_an_upgrade_only_adds(samples: dict[str, bytes], sample: str) -> None:
    """The signed original is, byte for byte, the beginning of every upgraded file."""
    assert samples[sample].startswith(samples["b-t"])


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ("b-b", (Finding.INTACT, Finding.EXPIRED, Finding.CLAIMED)),
        ("b-t", (Finding.INTACT, UNPROVEN, Finding.STAMPED)),
        ("b-lt", (Finding.EXTENDED, KNOWN, Finding.GUARANTEED)),
        ("b-lta", (Finding.EXTENDED, KNOWN, Finding.GUARANTEED)),
        ("renewed", (Finding.EXTENDED, KNOWN, Finding.GUARANTEED)),
    ],
)
async def test_three_years_later(
    office: Office, samples: dict[str, bytes], sample: str, expected: tuple[Finding, Finding, Finding]
) -> None:
    """When the signer's certificate has expired and nobody can be asked, what was archived still proves it; a bare signature does not."""
    verdict = await judge(samples[sample], office.wish(datetime.now(UTC) + timedelta(days=1000)))
    assert findings(verdict) == expected


async def test_after_the_timestamp_authority_itself_has_expired(office: Office, samples: dict[str, bytes]) -> None:
    """A file nobody renewed in time stays intact and proves neither signer nor time."""
    verdict = await judge(samples["b-lta"], office.wish(datetime.now(UTC) + timedelta(days=4000)))
    assert verdict.intact.light is Light.GREEN
    assert verdict.time.finding is Finding.STAMP_UNKNOWN
    assert not verdict.passed


async def test_a_stranger_is_not_known(samples: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Judged by other roots, the same file is intact, its signer and its timestamp unknown."""
    elsewhere = make_office(tmp_path_factory.mktemp("elsewhere"))
    verdict = await judge(samples["b-lta"], elsewhere.wish())
    assert findings(verdict) == (Finding.EXTENDED, Finding.UNKNOWN_ISSUER, Finding.STAMP_UNKNOWN)
    assert not verdict.passed


async def test_a_test_certificate_is_named_and_never_passes(office: Office, samples: dict[str, bytes]) -> None:
    """A root trusted for rehearsals only turns the second line amber, whatever the level."""
    wish = JudgeDocument(roots=[], test_roots=[office.house.root], intermediates=[office.house.intermediate])
    verdict = await judge(samples["b-lta"], wish)
    assert verdict.known.finding is Finding.TEST_CERTIFICATE
    assert not verdict.passed


async def test_no_personal_number_leaves(office: Office, samples: dict[str, bytes]) -> None:
    """The NIK inside the certificate stands nowhere in the verdict; digits in a name are struck out."""
    verdict = await judge(samples["b-t"], office.wish())
    assert PERSONAL_NUMBER.encode().hex().encode() in samples["b-t"]
    assert PERSONAL_NUMBER not in verdict.model_dump_json()


async def test_a_rehearsals_file_never_passes(office: Office, services: object) -> None:
    """A document marked GLADI is called one, even when a trusted key signed it and everything else is right."""
    sealed = await office.seal(berita_acara(rehearsal=True), Level.B_LTA, rehearsal=True)
    verdict = await judge(sealed, office.wish())
    assert verdict.rehearsal
    assert verdict.known.light is Light.GREEN
    assert not verdict.passed


async def test_revoked_before_signing(office: Office, services: object) -> None:
    """Signed with a revoked certificate, and the archived answer says so: the second line is red."""
    thief = office.authority.issue("Sertifikat Dicabut")
    sealed = await office.seal(berita_acara(), Level.B_T, thief)
    office.authority.revoke(thief.certificate, datetime.now(UTC) - timedelta(days=1))
    verdict = await judge(await _with_answer(office, sealed, thief.certificate.serial_number), office.wish())
    assert verdict.known.finding is Finding.REVOKED
    assert not verdict.passed


async def test_revoked_long_after_signing(office: Office, services: object) -> None:
    """A certificate revoked after the time the timestamp proves does not spoil what was signed with it."""
    holder = office.authority.issue("Dicabut Kemudian")
    sealed = await office.seal(berita_acara(), Level.B_T, holder)
    office.authority.revoke(holder.certificate, datetime.now(UTC) + timedelta(days=1))
    verdict = await judge(await _with_answer(office, sealed, holder.certificate.serial_number), office.wish())
    assert verdict.known.light is not Light.RED


async def test_a_weak_digest_is_not_accepted(office: Office) -> None:
    """A signature over SHA-1, which anybody may forge, is red although its chain and its bytes are right."""
    metadata = PdfSignatureMetadata(field_name="Lemah", md_algorithm="sha1", subfilter=SigSeedSubFilter.PADES)
    signer = PdfSigner(metadata, signer_of(office.mayor), new_field_spec=SigFieldSpec("Lemah"))
    signed = await signer.async_sign_pdf(IncrementalPdfFileWriter(BytesIO(berita_acara())))
    verdict = await judge(signed.getvalue(), office.wish())
    assert verdict.known.finding is Finding.WEAK
    assert not verdict.passed


async def _with_answer(office: Office, pdf: bytes, serial: int) -> bytes:
    """The file with the authority's present OCSP answer about a certificate archived in it, whatever it says."""
    leaf = next(
        x509.load_der_x509_certificate(each.signer_cert.dump())
        for each in PdfFileReader(BytesIO(pdf)).embedded_regular_signatures
        if each.signer_cert.serial_number == serial
    )
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        leaf, office.authority.intermediate.certificate, hashes.SHA256()
    )
    answer = office.authority.answer(builder.build().public_bytes(serialization.Encoding.DER))
    output = BytesIO(pdf)
    DocumentSecurityStore.add_dss(output, sig_contents=None, ocsps=[asn1_ocsp.OCSPResponse.load(answer)])
    return output.getvalue()
