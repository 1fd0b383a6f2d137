"""What a file itself brings to judge it by, and the trust we bring: certificates, revocation answers, roots."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Self

from asn1crypto import crl, ocsp, pem, x509
from pyhanko.pdf_utils.decode_limits import DecodePurpose
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.errors import NoDSSFoundError
from pyhanko_certvalidator import ValidationContext

from smartroom.protocol.verdict import JudgeDocument


class Revocation(Enum):
    """How archived revocation answers count."""

    PROVEN = "hard-fail"
    """Every certificate that names a service has its archived answer, and it is good."""
    CONSULTED = "soft-fail"
    """A missing answer is none; one that says revoked counts, one that is stale spoils the chain."""
    LEFT_OUT = "left-out"
    """Dates and issuers alone."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a judgement may use; nothing is fetched."""

    roots: tuple[x509.Certificate, ...]
    test_roots: tuple[x509.Certificate, ...]
    certificates: tuple[x509.Certificate, ...]
    answers: tuple[ocsp.OCSPResponse, ...]
    lists: tuple[crl.CertificateList, ...]

    @classmethod
    def gather(cls, wish: JudgeDocument, reader: PdfFileReader) -> Self:
        """The wish's trust and the file's archived validation data."""
        certificates = [_certificate(text) for text in wish.intermediates]
        answers: list[ocsp.OCSPResponse] = []
        lists: list[crl.CertificateList] = []
        try:
            store = DocumentSecurityStore.read_dss(reader)
        except NoDSSFoundError:
            pass
        else:
            certificates.extend(store.load_certs())
            for each in store.ocsps:
                stream = each.get_object().read_data(DecodePurpose.OCSP_RESPONSE)
                answers.append(ocsp.OCSPResponse.load(stream))
            lists.extend(
                crl.CertificateList.load(each.get_object().read_data(DecodePurpose.CRL)) for each in store.crls
            )
        return cls(
            tuple(_certificate(text) for text in wish.roots),
            tuple(_certificate(text) for text in wish.test_roots),
            tuple(certificates),
            tuple(answers),
            tuple(lists),
        )

    @property
    def archived(self) -> bool:
        """Whether the file holds revocation answers at all."""
        return bool(self.answers or self.lists)

    def context(self, moment: datetime, revocation: Revocation) -> ValidationContext:
        """For validating a chain as at a moment.

        Answers fetched after the moment count for it (`retroactive_revinfo`): they are collected after signing, and an authority
        that revokes says since when.
        """
        left_out = revocation is Revocation.LEFT_OUT
        return ValidationContext(
            trust_roots=[*self.roots, *self.test_roots],
            other_certs=list(self.certificates),
            ocsps=[] if left_out else list(self.answers),
            crls=[] if left_out else list(self.lists),
            moment=moment,
            allow_fetching=False,
            revocation_mode="soft-fail" if left_out else revocation.value,
            retroactive_revinfo=True,
        )

    def is_test(self, root: x509.Certificate) -> bool:
        """Whether a chain's root is one of the rehearsals' (and none of the real ones)."""
        return root in self.test_roots and root not in self.roots


def _certificate(text: str) -> x509.Certificate:
    der = text.encode()
    if pem.detect(der):
        _, _, der = pem.unarmor(der)
    return x509.Certificate.load(der, strict=True)
