#pragma once

// For the .cpp files that use OpenSSL only.
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace weft::net {

template <auto Free>
struct openssl_free {
  template <class T>
  void operator()(T* p) const noexcept {
    Free(p);
  }
};
using key_ptr = std::unique_ptr<EVP_PKEY, openssl_free<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, openssl_free<X509_free>>;
using bio_ptr = std::unique_ptr<BIO, openssl_free<BIO_free_all>>;
using ssl_ptr = std::unique_ptr<SSL, openssl_free<SSL_free>>;
using context_ptr = std::unique_ptr<SSL_CTX, openssl_free<SSL_CTX_free>>;

/// OpenSSL's last error as text; its queue is empty afterwards.
std::string openssl_error();
/// Throws bad_certificate with `doing` and OpenSSL's error.
[[noreturn]] void throw_openssl(const std::string& doing);

/// Throw bad_certificate, and call it `what`.
certificate_ptr certificate_from_pem(const std::string& pem, const std::string& what);
key_ptr key_from_pem(const std::string& pem, const std::string& what);
std::string name_of(X509* certificate);

}  // namespace weft::net
