#include "transport/certificates.hpp"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <span>
#include <system_error>

#include "env/new_file.hpp"
#include "transport/openssl.hpp"

namespace weft::net {

namespace fs = std::filesystem;

std::string openssl_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
  char text[256];
  ERR_error_string_n(code, text, sizeof text);
  return text;
}

void throw_openssl(const std::string& doing) { throw bad_certificate(doing + ": " + openssl_error()); }

std::string_view to_string(peer_role role) noexcept {
  switch (role) {
    case peer_role::scheduler:
      return "scheduler";
    case peer_role::client:
      return "client";
    case peer_role::worker:
      return "worker";
    case peer_role::nanny:
      return "nanny";
    case peer_role::tool:
      return "tool";
  }
  return "unknown";
}

namespace {

template <class T>
T* made(T* p, const char* doing) {
  if (!p) throw_openssl(doing);
  return p;
}
void done(int ok, const char* doing) {
  if (ok <= 0) throw_openssl(doing);
}

template <class Write>
std::string to_pem(Write write) {
  const bio_ptr out(made(BIO_new(BIO_s_mem()), "memory for a certificate"));
  done(write(out.get()), "writing PEM");
  char* data = nullptr;
  const long n = BIO_get_mem_data(out.get(), &data);
  return std::string(data, static_cast<std::size_t>(n));
}
std::string certificate_to_pem(X509* x) {
  return to_pem([&](BIO* out) { return PEM_write_bio_X509(out, x); });
}
std::string key_to_pem(EVP_PKEY* k) {
  return to_pem(
      [&](BIO* out) { return PEM_write_bio_PKCS8PrivateKey(out, k, nullptr, nullptr, 0, nullptr, nullptr); });
}

bio_ptr reader(const std::string& pem) {
  return bio_ptr(made(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), "memory for a certificate"));
}

key_ptr new_key() { return key_ptr(made(EVP_EC_gen("P-256"), "making a key")); }

constexpr long day = 24 * 60 * 60;
constexpr long clocks_differ = 60 * 60;  // a machine whose clock is an hour behind believes a new certificate

/// All that certificates of both kinds have.
certificate_ptr new_certificate(const std::string& name, EVP_PKEY* key, int days) {
  if (name.empty() || name.size() > 64)
    throw bad_certificate("certificate name '" + name.substr(0, 80) + "' has not between 1 and 64 characters");
  certificate_ptr x(made(X509_new(), "making a certificate"));
  done(X509_set_version(x.get(), X509_VERSION_3), "making a certificate");
  unsigned char serial[16];
  done(RAND_bytes(serial, sizeof serial), "random numbers");
  serial[0] = static_cast<unsigned char>((serial[0] & 0x7f) | 0x40);  // positive, and always as long
  BIGNUM* number = made(BN_bin2bn(serial, sizeof serial, nullptr), "making a certificate");
  const bool numbered = BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x.get())) != nullptr;
  BN_free(number);
  if (!numbered) throw_openssl("making a certificate");
  const long end = days * day;
  made(X509_gmtime_adj(X509_getm_notBefore(x.get()), std::min(0L, end) - clocks_differ), "making a certificate");
  made(X509_gmtime_adj(X509_getm_notAfter(x.get()), end), "making a certificate");
  done(X509_set_pubkey(x.get(), key), "making a certificate");
  X509_NAME* subject = X509_get_subject_name(x.get());
  done(X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>("weft"), -1, -1,
                                  0),
       "making a certificate");
  done(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(name.data()),
                                  static_cast<int>(name.size()), -1, 0),
       "naming a certificate");
  return x;
}

void extend(X509* x, X509* issuer, int what, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, x, nullptr, nullptr, 0);
  X509_EXTENSION* e = X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str());
  if (!e) throw_openssl("certificate extension '" + value + "'");
  const int ok = X509_add_ext(x, e, -1);
  X509_EXTENSION_free(e);
  done(ok, "making a certificate");
}

/// A right or a host must not smuggle in what the extension's syntax would take for more.
const std::string& plain(const std::string& s, const char* what) {
  const bool good = !s.empty() && s.size() <= 253 && std::all_of(s.begin(), s.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '*';
  });
  if (!good)
    throw bad_certificate(std::string(what) + " '" + s.substr(0, 80) +
                          "' cannot stand in a certificate: letters, digits and . - _ : * may");
  return s;
}

bool is_number(const std::string& host) {
  ASN1_OCTET_STRING* a = a2i_IPADDRESS(host.c_str());
  if (a) ASN1_OCTET_STRING_free(a);
  ERR_clear_error();
  return a != nullptr;
}

}  // namespace

certificate_ptr certificate_from_pem(const std::string& pem, const std::string& what) {
  const bio_ptr in = reader(pem);
  certificate_ptr x(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
  if (!x) throw_openssl(what + " holds no certificate");
  return x;
}

key_ptr key_from_pem(const std::string& pem, const std::string& what) {
  const bio_ptr in = reader(pem);
  // An encrypted key would make OpenSSL ask on the terminal.
  key_ptr k(PEM_read_bio_PrivateKey(in.get(), nullptr, [](char*, int, int, void*) { return -1; }, nullptr));
  if (!k) throw_openssl(what + " holds no key that can be read without a password");
  return k;
}

std::string name_of(X509* x) {
  char text[256] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, text, sizeof text);
  return text;
}

struct certificate_authority::state {
  key_ptr key;
  certificate_ptr certificate;
  std::string key_pem, certificate_pem;
};

certificate_authority::certificate_authority(std::unique_ptr<state> s) noexcept : state_(std::move(s)) {}
certificate_authority::certificate_authority(certificate_authority&&) noexcept = default;
certificate_authority& certificate_authority::operator=(certificate_authority&&) noexcept = default;
certificate_authority::~certificate_authority() = default;
const std::string& certificate_authority::certificate() const noexcept { return state_->certificate_pem; }
const std::string& certificate_authority::key() const noexcept { return state_->key_pem; }

certificate_authority certificate_authority::make(const std::string& name, int days) {
  auto s = std::make_unique<state>();
  s->key = new_key();
  s->certificate = new_certificate(name, s->key.get(), days);
  X509* x = s->certificate.get();
  done(X509_set_issuer_name(x, X509_get_subject_name(x)), "making a certificate");
  extend(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  extend(x, x, NID_key_usage, "critical,keyCertSign,cRLSign");
  extend(x, x, NID_subject_key_identifier, "hash");
  done(X509_sign(x, s->key.get(), EVP_sha256()), "signing a certificate");
  s->certificate_pem = certificate_to_pem(x);
  s->key_pem = key_to_pem(s->key.get());
  return certificate_authority(std::move(s));
}

certificate_authority certificate_authority::from_pem(const std::string& certificate, const std::string& key) {
  auto s = std::make_unique<state>();
  s->certificate = certificate_from_pem(certificate, "the authority's certificate");
  s->key = key_from_pem(key, "the authority's key");
  if (X509_check_private_key(s->certificate.get(), s->key.get()) != 1) {
    ERR_clear_error();
    throw bad_certificate("the authority's certificate '" + name_of(s->certificate.get()) +
                          "' and its key do not belong together");
  }
  s->certificate_pem = certificate;
  s->key_pem = key;
  return certificate_authority(std::move(s));
}

credentials certificate_authority::issue(const certificate_options& options) const {
  const key_ptr key = new_key();
  const std::string role(to_string(options.role));
  const certificate_ptr holder = new_certificate(options.name.empty() ? role : options.name, key.get(), options.days);
  X509* x = holder.get();
  X509* issuer = state_->certificate.get();
  done(X509_set_issuer_name(x, X509_get_subject_name(issuer)), "making a certificate");
  std::string names = "URI:weft://role/" + role;
  for (const std::string& right : options.rights) names += ",URI:weft://right/" + plain(right, "right");
  for (const std::string& host : options.hosts) names += (is_number(plain(host, "host")) ? ",IP:" : ",DNS:") + host;
  extend(x, issuer, NID_basic_constraints, "critical,CA:FALSE");
  extend(x, issuer, NID_key_usage, "critical,digitalSignature");
  extend(x, issuer, NID_ext_key_usage, "serverAuth,clientAuth");
  extend(x, issuer, NID_subject_key_identifier, "hash");
  extend(x, issuer, NID_authority_key_identifier, "keyid:always");
  extend(x, issuer, NID_subject_alt_name, names);
  done(X509_sign(x, state_->key.get(), EVP_sha256()), "signing a certificate");
  credentials c;
  c.authority = state_->certificate_pem;
  c.certificate = certificate_to_pem(x);
  c.key = key_to_pem(key.get());
  return c;
}

std::string read_pem(const fs::path& file) {
  constexpr std::size_t most = std::size_t{1} << 20;
  std::ifstream in(file, std::ios::binary);
  if (!in)
    throw bad_certificate("certificate file " + file.string() + " cannot be read (" + std::strerror(errno) +
                          "): `weft certs` makes it");
  std::string text(most + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > most) throw bad_certificate("certificate file " + file.string() + " is larger than 1 MiB");
  return text;
}

void write_pem(const fs::path& file, std::string_view text, bool secret) {
  const fs::path made = file.string() + ".new" + std::to_string(::getpid());
  std::error_code error;
  fs::remove(made, error);  // of a process with our number that was killed
  detail::new_file out(made.string());
  error = out.write(std::as_bytes(std::span(text)));
  if (const std::error_code late = out.close(); !error) error = late;
  if (error) {
    std::error_code ignored;
    fs::remove(made, ignored);
    throw std::system_error(error, "weft: cannot write " + made.string());
  }
  if (!secret) fs::permissions(made, fs::perms::group_read | fs::perms::others_read, fs::perm_options::add);
  fs::rename(made, file);
}

void write_certificates(const fs::path& directory, const certificates_options& options) {
  if (options.days < 1 || options.days > 3650)
    throw bad_certificate("certificates cannot be valid for " + std::to_string(options.days) + " days: 1 to 3650");
  fs::create_directories(directory);
  const fs::path certificate = directory / "ca.pem", key = directory / "ca-key.pem";
  const bool there = fs::exists(certificate), key_there = fs::exists(key);
  if (there != key_there)
    throw bad_certificate("directory " + directory.string() + " has " + (there ? "ca.pem" : "ca-key.pem") +
                          " without " + (there ? "ca-key.pem" : "ca.pem") +
                          ": give both, or remove it to make a new authority");
  const certificate_authority authority =
      there ? certificate_authority::from_pem(read_pem(certificate), read_pem(key))
            : certificate_authority::make("weft cluster", std::min(3650, 10 * options.days));
  if (!there) {
    if (options.authority_key) write_pem(key, authority.key(), true);
    write_pem(certificate, authority.certificate(), false);
  }
  for (const peer_role role : {peer_role::client, peer_role::worker, peer_role::scheduler, peer_role::nanny}) {
    certificate_options of;
    of.role = role;
    of.hosts = options.hosts;
    of.days = options.days;
    if (role == peer_role::client && options.client_programs) of.rights.push_back("programs");
    const credentials made = authority.issue(of);
    const std::string name(to_string(role));
    write_pem(directory / (name + "-key.pem"), made.key, true);
    write_pem(directory / (name + ".pem"), made.certificate, false);
  }
}

}  // namespace weft::net
