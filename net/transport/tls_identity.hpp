#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "transport/openssl.hpp"
#include "transport/security.hpp"

namespace weft::net {

/// The contexts that handshakes begin with, and where they came from. Used by any thread.
class tls_identity {
 public:
  /// From files: they are looked at again before each handshake.
  tls_identity(std::filesystem::path directory, peer_role role);
  /// From memory; `signer` of a temporary cluster only.
  explicit tls_identity(const credentials& pem, std::shared_ptr<const certificate_authority> signer = nullptr);

  /// A connection's state, for the side that connects or accepts.
  ssl_ptr begin(bool connects);
  const credentials& pem() const noexcept { return pem_; }
  const std::shared_ptr<const certificate_authority>& signer() const noexcept { return signer_; }
  /// Whom we believe, for error messages.
  std::string authority_name();

 private:
  struct stamp {
    std::filesystem::file_time_type authority, certificate, key;
    friend bool operator==(const stamp&, const stamp&) = default;
  };
  stamp look() const;
  void load(const credentials& pem, const std::string& where);
  credentials read() const;
  void reload_if_changed();

  std::mutex mutex_;  // of what follows, once begun
  context_ptr context_;
  std::string authority_name_;
  credentials pem_;
  std::optional<stamp> loaded_;
  std::filesystem::path directory_;
  std::string role_;
  std::shared_ptr<const certificate_authority> signer_;
};

/// What the peer's certificate says; throws bad_certificate if it says no role.
std::unique_ptr<peer_certificate> describe(X509* certificate);

}  // namespace weft::net
