#include "transport/security.hpp"

#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "base/log.hpp"
#include "transport/tls_identity.hpp"
#include "weft/errors.hpp"

namespace weft::net {

namespace fs = std::filesystem;

bool peer_certificate::may(std::string_view right) const noexcept {
  return std::find(rights.begin(), rights.end(), right) != rights.end();
}

void expect_role(const peer_certificate& peer, std::span<const peer_role> wanted) {
  if (std::find(wanted.begin(), wanted.end(), peer.role) != wanted.end()) return;
  std::string say = "certificate '" + peer.name + "' is that of a " + std::string(to_string(peer.role));
  say += ", and here is wanted that of a ";
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (i) say += " or a ";
    say += to_string(wanted[i]);
  }
  throw bad_certificate(say);
}

std::unique_ptr<peer_certificate> describe(X509* x) {
  auto p = std::make_unique<peer_certificate>();
  p->name = name_of(x);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned n = 0;
  if (X509_digest(x, EVP_sha256(), digest, &n) != 1) throw_openssl("fingerprint of '" + p->name + "'");
  constexpr char hex[] = "0123456789abcdef";
  for (unsigned i = 0; i < n; ++i) p->fingerprint += {hex[digest[i] >> 4], hex[digest[i] & 15]};

  const std::unique_ptr<GENERAL_NAMES, openssl_free<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x, NID_subject_alt_name, nullptr, nullptr)));
  constexpr std::string_view role_is = "weft://role/", right_is = "weft://right/";
  bool has_role = false;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
    const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                                static_cast<std::size_t>(ASN1_STRING_length(uri)));
    if (text.substr(0, right_is.size()) == right_is) p->rights.emplace_back(text.substr(right_is.size()));
    if (text.substr(0, role_is.size()) != role_is) continue;
    if (has_role) throw bad_certificate("certificate '" + p->name + "' has more than one role");
    for (const peer_role r :
         {peer_role::scheduler, peer_role::client, peer_role::worker, peer_role::nanny, peer_role::tool})
      if (text.substr(role_is.size()) == to_string(r)) p->role = r, has_role = true;
  }
  if (!has_role)
    throw bad_certificate("certificate '" + p->name +
                          "' says no role (URI:weft://role/worker and so on): make it "
                          "with `weft certs`");
  return p;
}

// ---- tls_identity ------------------------------------------------------------------------------------------------

tls_identity::tls_identity(fs::path directory, peer_role role)
    : directory_(std::move(directory)), role_(to_string(role)) {
  const stamp before = look();
  load(read(), directory_.string() + "/" + role_);
  loaded_ = before;
}

tls_identity::tls_identity(const credentials& pem, std::shared_ptr<const certificate_authority> signer)
    : signer_(std::move(signer)) {
  load(pem, "memory");
}

tls_identity::stamp tls_identity::look() const {
  const auto time = [](const fs::path& p) {
    std::error_code missing;  // what is missing is told by who reads it
    return fs::last_write_time(p, missing);
  };
  return {time(directory_ / "ca.pem"), time(directory_ / (role_ + ".pem")), time(directory_ / (role_ + "-key.pem"))};
}

credentials tls_identity::read() const {
  const fs::path key = directory_ / (role_ + "-key.pem");
  credentials c;
  c.authority = read_pem(directory_ / "ca.pem");
  c.certificate = read_pem(directory_ / (role_ + ".pem"));
  c.key = read_pem(key);
  const fs::perms open = fs::status(key).permissions() & (fs::perms::group_all | fs::perms::others_all);
  if (open != fs::perms::none) throw bad_certificate("key file " + key.string() + " is open to others: chmod 600 it");
  return c;
}

void tls_identity::load(const credentials& pem, const std::string& where) {
  context_ptr c(SSL_CTX_new(TLS_method()));
  if (!c) throw_openssl("TLS");
  SSL_CTX_set_min_proto_version(c.get(), TLS1_3_VERSION);
  SSL_CTX_set_mode(c.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
  // Sessions of the wire resume by themselves; those of TLS would only be sent and kept.
  SSL_CTX_set_session_cache_mode(c.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(c.get(), 0);
  SSL_CTX_set_options(c.get(), SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  // Several records by one system call.
  SSL_CTX_set_read_ahead(c.get(), 1);
  SSL_CTX_set_default_read_buffer_len(c.get(), std::size_t{128} << 10);
  SSL_CTX_set_verify(c.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_verify_depth(c.get(), 2);

  const certificate_ptr authority = certificate_from_pem(pem.authority, "ca.pem (" + where + ")");
  const certificate_ptr own = certificate_from_pem(pem.certificate, "the certificate of " + where);
  const key_ptr key = key_from_pem(pem.key, "the key of " + where);
  if (X509_check_private_key(own.get(), key.get()) != 1) {
    ERR_clear_error();
    throw bad_certificate("certificate '" + name_of(own.get()) + "' and the key of " + where +
                          " do not belong together");
  }
  if (X509_verify(own.get(), X509_get0_pubkey(authority.get())) != 1) {
    ERR_clear_error();
    throw bad_certificate("certificate '" + name_of(own.get()) + "' of " + where +
                          " is not signed by the authority in ca.pem");
  }
  if (const auto said = describe(own.get()); !role_.empty() && to_string(said->role) != role_)
    throw bad_certificate("certificate '" + said->name + "' of " + where + " is that of a " +
                          std::string(to_string(said->role)));
  if (SSL_CTX_use_certificate(c.get(), own.get()) != 1 || SSL_CTX_use_PrivateKey(c.get(), key.get()) != 1 ||
      X509_STORE_add_cert(SSL_CTX_get_cert_store(c.get()), authority.get()) != 1)
    throw_openssl("certificate '" + name_of(own.get()) + "' of " + where);
  context_ = std::move(c);
  authority_name_ = name_of(authority.get());
  pem_ = pem;
}

void tls_identity::reload_if_changed() {
  if (!loaded_) return;
  const stamp now = look();
  if (now == *loaded_) return;
  try {
    load(read(), directory_.string() + "/" + role_);
    loaded_ = now;
  } catch (const std::exception& e) {
    // Somebody may be replacing the files one after the other: the next handshake tries again.
    detail::log_once("certificates " + directory_.string(),
                     std::string("the new certificates cannot be used, the old ones still are: ") + e.what());
  }
}

ssl_ptr tls_identity::begin(bool connects) {
  std::lock_guard guard(mutex_);
  reload_if_changed();
  ssl_ptr s(SSL_new(context_.get()));
  if (!s) throw_openssl("TLS");
  if (connects)
    SSL_set_connect_state(s.get());
  else
    SSL_set_accept_state(s.get());
  return s;
}

std::string tls_identity::authority_name() {
  std::lock_guard guard(mutex_);
  return authority_name_;
}

// ---- security ----------------------------------------------------------------------------------------------------

security security::from_directory(const fs::path& directory, peer_role role) {
  security s;
  s.identity_ = std::make_shared<tls_identity>(directory, role);
  return s;
}

security security::from_credentials(const credentials& pem) {
  security s;
  s.identity_ = std::make_shared<tls_identity>(pem);
  return s;
}

namespace {

std::shared_ptr<tls_identity> sign(const std::shared_ptr<const certificate_authority>& signer, peer_role role) {
  certificate_options of;
  of.role = role;
  of.days = 365;
  if (role == peer_role::client) of.rights.push_back("programs");
  return std::make_shared<tls_identity>(signer->issue(of), signer);
}

}  // namespace

security security::temporary() {
  security s;
  s.identity_ =
      sign(std::make_shared<const certificate_authority>(certificate_authority::make("weft temporary cluster", 3650)),
           peer_role::client);
  return s;
}

security security::for_role(peer_role role) const {
  if (!identity_ || !identity_->signer())
    throw misuse("weft: only a temporary identity can sign for other roles: security::temporary().for_role(...)");
  security s;
  s.identity_ = sign(identity_->signer(), role);
  s.insecure = insecure;
  return s;
}

const credentials& security::pem() const {
  if (!identity_) throw misuse("weft: there is no identity to hand on");
  return identity_->pem();
}

}  // namespace weft::net
