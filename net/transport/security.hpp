#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "transport/address.hpp"
#include "transport/certificates.hpp"

namespace weft::net {

class tls_identity;

/// Who a peer is, by its certificate, which our authority has signed.
struct peer_certificate {
  peer_role role = peer_role::tool;
  std::string name;                 // its common name
  std::vector<std::string> rights;  // such as `programs`: may upload programs
  std::string fingerprint;          // SHA-256 of the certificate, in hexadecimal

  bool may(std::string_view right) const noexcept;
};

/// Throws bad_certificate when the peer's role is none of `wanted`.
void expect_role(const peer_certificate& peer, std::span<const peer_role> wanted);

/// What a process shows its peers, and whom it believes. Copies share one identity.
///
/// Both sides of a TLS connection show a certificate that the cluster's own authority has signed, for one role. Host
/// names are not compared: an address may be any name of a machine, and the authority signs for nobody else's
/// cluster.
class security {
 public:
  /// No identity: plain streams, on this host.
  security() = default;
  /// `ca.pem`, `<role>.pem` and `<role>-key.pem`, as write_certificates made them. When they change, later handshakes
  /// use the new ones; new ones that cannot be used are said once on standard error, and the old ones stay. Throws
  /// bad_certificate.
  static security from_directory(const std::filesystem::path& directory, peer_role role);
  static security from_credentials(const credentials& pem);
  /// For a cluster that lives as long as a program does: an authority in memory, of which for_role() gives each
  /// process its identity. Itself it has the role `client`, with the right to upload programs.
  static security temporary();
  /// Another role of the same temporary cluster. Throws misuse when this is not temporary.
  security for_role(peer_role role) const;
  /// To be handed to a process that is started, by other ways than its command line. Throws misuse without identity.
  const credentials& pem() const;

  bool has_identity() const noexcept { return identity_ != nullptr; }
  /// What a bare `host:port` means.
  address_kind bare() const noexcept { return identity_ ? address_kind::tls : address_kind::tcp; }
  /// For the implementation of TLS.
  const std::shared_ptr<tls_identity>& identity() const noexcept { return identity_; }

  /// `--insecure`: allows addresses that other machines reach without an identity. Said on standard error when used.
  bool insecure = false;

 private:
  std::shared_ptr<tls_identity> identity_;
};

}  // namespace weft::net
