"""Different credentials have different keys, associated data and derivations, for every id of an account."""

from hypothesis import assume, given
from hypothesis import strategies as st

from domain.owner import CredentialId, Factor, Owner
from infrastructure.crypto.derivation import HkdfDerivation
from infrastructure.crypto.sealing import KeyRing, SealingError
from infrastructure.redis.stores.credentials import id_of, key_of
from tests.infrastructure.redis.callers import KEYS
from tests.support.account_ids import ACCOUNT_IDS, ALPHABET

TENANTS = st.from_regex(r"[A-Za-z0-9._-]{1,32}", fullmatch=True)
ACCOUNTS = st.builds(Owner.of_account, TENANTS, ACCOUNT_IDS)
CREDENTIALS = st.builds(CredentialId, ACCOUNTS, st.sampled_from(Factor))


def similar(one: CredentialId) -> st.SearchStrategy[CredentialId]:
    """Return a strategy for ids that are easily mistaken for the given one."""
    tenant, account = one.owner.tenant or "", one.owner.account or ""
    tenants = st.sampled_from([tenant, tenant[:31] + "x", f"{tenant}-"[:32], tenant.swapcase()])
    more = st.text(ALPHABET, min_size=1, max_size=3)
    accounts = st.one_of(
        st.sampled_from(
            [account, account.swapcase(), account[::-1], f"{tenant}:{account}", f":{account}", f"{account}:"]
        ),
        more.map(lambda each: account + each),
        more.map(lambda each: each + account),
        st.sampled_from([f"{account}:{factor.value}" for factor in Factor]),
    ).map(lambda each: each[:255])
    valid = accounts.filter(lambda each: each not in {".", ".."})
    return st.builds(CredentialId, st.builds(Owner.of_account, tenants, valid), st.sampled_from(Factor))


PAIRS = CREDENTIALS.flatmap(lambda one: st.tuples(st.just(one), similar(one) | CREDENTIALS))


@given(CREDENTIALS)
def test_a_key_leads_back_to_its_credential(credential_id: CredentialId) -> None:
    assert id_of(key_of(credential_id)) == credential_id


@given(CREDENTIALS)
def test_tenant_and_account_can_be_told_apart(credential_id: CredentialId) -> None:
    owner = credential_id.owner
    assert Owner.of_account(owner.tenant or "", owner.account or "") == owner


@given(PAIRS)
def test_different_credentials_have_different_keys_and_texts(pair: tuple[CredentialId, CredentialId]) -> None:
    one, other = pair
    assume(one != other)
    assert key_of(one) != key_of(other)
    assert str(one) != str(other)


@given(CREDENTIALS)
def test_the_hash_tag_of_a_key_is_the_owner(credential_id: CredentialId) -> None:
    """Redis takes the text between the first opening and the next closing brace."""
    _, _, rest = key_of(credential_id).partition("{")
    assert rest.partition("}")[0] == str(credential_id.owner)


@given(PAIRS)
def test_a_sealed_secret_opens_for_no_other_credential(pair: tuple[CredentialId, CredentialId]) -> None:
    one, other = pair
    assume(one != other)
    blob = KEYS.seal(b"a secret", one, "secret")
    assert KEYS.open(blob, one, "secret") == b"a secret"
    assert not opens(KEYS, blob, other)


def opens(keys: KeyRing, blob: bytes, credential_id: CredentialId) -> bool:
    try:
        keys.open(blob, credential_id, "secret")
    except SealingError:
        return False
    return True


@given(PAIRS)
def test_the_same_salt_derives_different_secrets_for_different_credentials(
    pair: tuple[CredentialId, CredentialId],
) -> None:
    one, other = pair
    assume(one != other)
    derivation = HkdfDerivation("a master secret that nobody could guess")
    salt = bytes(16)
    assert derivation._derive(salt, one) != derivation._derive(salt, other)
