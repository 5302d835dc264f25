#include "transport/program_manifest.hpp"

#include <algorithm>
#include <cstring>

#include "transport/link.hpp"
#include "transport/own_user.hpp"

namespace weft::net {

std::uint64_t program_manifest::bytes() const noexcept {
  std::uint64_t all = 0;
  for (const file& f : files) all += f.bytes;
  return all;
}

digest program_manifest::whole() const {
  sha256 all;
  for (const file& f : files) {
    const std::string line = hexadecimal(f.content) + " " + std::to_string(f.bytes) + " " + f.name + "\n";
    all.add(std::as_bytes(std::span(line)));
  }
  return all.finish();
}

program_manifest program_manifest::from(const program_offer& m, const program_limits& limits) {
  const auto wrong = [](const std::string& what) -> protocol_error {
    return protocol_error("weft: a program is offered " + what);
  };
  if (m.sizes.empty()) throw wrong("that has no file");
  if (m.sizes.size() > limits.files)
    throw wrong("that has " + std::to_string(m.sizes.size()) + " files: " + std::to_string(limits.files) +
                " are allowed");
  if (m.digests.size() != m.sizes.size() * sizeof(digest)) throw wrong("without a digest for each file");
  if (m.build_id.empty() || m.build_id.size() > 64) throw wrong("without a build-id");
  program_manifest p;
  p.build_id.assign(m.build_id.begin(), m.build_id.end());
  const char* at = m.names.data();
  const char* const end = at + m.names.size();
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < m.sizes.size(); ++i) {
    const char* const stop = std::find(at, end, '\n');
    file f;
    f.name.assign(at, stop);
    if (stop == end || f.name.empty() || f.name.size() > limits.name || f.name[0] == '.' ||
        std::any_of(f.name.begin(), f.name.end(), [](char c) { return c == '/' || c < ' ' || c == 0x7f; }))
      throw wrong("whose file " + std::to_string(i) + " has no plain name");
    at = stop + 1;
    for (const file& other : p.files)
      if (other.name == f.name) throw wrong("with two files of the name " + f.name);
    f.bytes = m.sizes[i];
    if (f.bytes == 0) throw wrong("whose file " + f.name + " is empty");
    if (f.bytes > UINT64_MAX / 2 - total) throw wrong("whose sizes cannot be");
    total += f.bytes;
    std::memcpy(f.content.data(), m.digests.data() + i * sizeof(digest), sizeof(digest));
    p.files.push_back(std::move(f));
  }
  if (at != end) throw wrong("with more names than files");
  return p;
}

void program_manifest::write(batch_writer& to, std::uint64_t program) const {
  std::vector<std::uint64_t> sizes;
  std::vector<std::byte> digests;
  std::string names;
  for (const file& f : files) {
    sizes.push_back(f.bytes);
    digests.insert(digests.end(), f.content.begin(), f.content.end());
    names += f.name + '\n';
  }
  program_offer m{};
  m.program = program;
  m.build_id = build_id;
  m.sizes = sizes;
  m.digests = digests;
  m.names = names;
  to.add(m);
}

namespace {

/// Without certificates: the process at the other end must be our own user's.
std::string stranger(const link_peer& peer) {
  if (owner_of_end(peer.address, peer.here) == end_owner::own) return {};
  return peer.address +
         " is not known to be of this user, on this machine, and there are no certificates (weft certs)";
}

}  // namespace

std::string may_send_programs(const link_peer& peer) {
  if (!peer.certificate) return stranger(peer);
  if (peer.certificate->may("programs")) return {};
  return "its certificate '" + peer.certificate->name +
         "' does not grant the right `programs` (weft certs gives it to clients unless --no-programs)";
}

std::string may_pass_programs(const link_peer& scheduler) {
  if (!scheduler.certificate) return stranger(scheduler);
  if (scheduler.certificate->role == peer_role::scheduler) return {};
  return "certificate '" + scheduler.certificate->name + "' is not that of a scheduler";
}

}  // namespace weft::net
