#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

#include "transport/certificates.hpp"

namespace weft::net {

struct certs_options {
  std::filesystem::path directory;
  std::vector<std::string> hosts;  // names and numbers of machines, written into the certificates
  int days = 365;                  // 1 to 3,650; the authority lives ten times as long, 3,650 at most
  std::string name;                // of the cluster: the authority's; empty: `weft cluster`
  std::vector<peer_role> roles;    // empty: all four
  bool programs = true;            // clients may upload programs
  bool force = false;              // replaces certificates that are there
};

/// Makes the certificates of a cluster, says on `out` which file goes where, and what to type next. An authority that
/// is in the directory signs again; it is never replaced. Files that are there are replaced if `force` says so, and
/// nothing is written otherwise. Keys, and a directory that is made, are the owner's only. Throws wrong_use,
/// bad_certificate or std::system_error.
void make_certificates(const certs_options& options, std::ostream& out);

/// Throws wrong_use.
peer_role parse_role(const std::string& text);

}  // namespace weft::net
