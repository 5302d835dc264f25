#pragma once

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "wire/messages.hpp"

namespace weft::net {

/// What is wrong with a certificate or a key, and with which.
class bad_certificate : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

std::string_view to_string(peer_role role) noexcept;

/// A certificate of one role: what its owner shows, the key that only he has, and the authority that he believes.
struct credentials {
  std::string authority, certificate, key;  // PEM
};

/// What a certificate says.
struct certificate_options {
  peer_role role = peer_role::worker;
  std::string name;                 // for people; empty: the role's
  std::vector<std::string> hosts;   // names and numbers of machines
  std::vector<std::string> rights;  // such as `programs`
  int days = 365;
};

/// Signs the certificates of one cluster: ECDSA on P-256. Roles and rights stand in certificates as
/// `URI:weft://role/worker` and `URI:weft://right/programs`.
class certificate_authority {
 public:
  static certificate_authority make(const std::string& name, int days);
  /// Throws bad_certificate.
  static certificate_authority from_pem(const std::string& certificate, const std::string& key);
  ~certificate_authority();
  certificate_authority(certificate_authority&&) noexcept;
  certificate_authority& operator=(certificate_authority&&) noexcept;

  /// Throws bad_certificate for a host or name that cannot stand in a certificate. Days below 1 give one that has
  /// expired.
  credentials issue(const certificate_options& options) const;
  const std::string& certificate() const noexcept;
  const std::string& key() const noexcept;

 private:
  struct state;
  explicit certificate_authority(std::unique_ptr<state> s) noexcept;
  std::unique_ptr<state> state_;
};

struct certificates_options {
  std::vector<std::string> hosts;
  int days = 365;               // 1 to 3,650: of the roles; the authority's last ten times as long, 3,650 at most
  bool client_programs = true;  // clients may upload programs
  bool authority_key = true;    // a new authority's is written: without `ca-key.pem` it signs no more
};

/// Makes `ca.pem`, and `<role>.pem` with `<role>-key.pem` for client, worker, scheduler and nanny. An authority that
/// is there already (`ca.pem` with `ca-key.pem`) signs again, and the certificates are replaced, each file at once.
/// Keys are readable by their owner only. Throws bad_certificate, or std::system_error.
void write_certificates(const std::filesystem::path& directory, const certificates_options& options);

/// Reads a file of a certificate or key, 1 MiB at most. Throws bad_certificate, with why.
std::string read_pem(const std::filesystem::path& file);
/// Replaces a file as a whole; `secret`: readable by its owner only, from the beginning. Follows no symbolic link,
/// and throws std::system_error.
void write_pem(const std::filesystem::path& file, std::string_view text, bool secret);

}  // namespace weft::net
