#include "tool/certs_command.hpp"

#include <algorithm>
#include <array>
#include <ostream>

#include "tool/values.hpp"

namespace weft::net {
namespace fs = std::filesystem;
namespace {

constexpr std::array all_roles = {peer_role::scheduler, peer_role::worker, peer_role::nanny, peer_role::client};
constexpr int most_days = 3650;

std::string certificate_of(peer_role role) { return std::string(to_string(role)) + ".pem"; }
std::string key_of(peer_role role) { return std::string(to_string(role)) + "-key.pem"; }

/// For a line that is to be typed.
std::string for_shell(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '/' || c == '.' || c == '-' || c == '_' || c == ':' || c == '[' || c == ']';
  });
  if (plain) return text;
  std::string s = "'";
  for (const char c : text) s += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return s += '\'';
}

std::string address_on(const std::string& host) {
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":8786";
}

certificate_authority authority_in(const certs_options& options) {
  const fs::path certificate = options.directory / "ca.pem", key = options.directory / "ca-key.pem";
  const bool there = fs::exists(certificate), key_there = fs::exists(key);
  if (there != key_there)
    throw wrong_use(options.directory.string() + " has " + (there ? "ca.pem" : "ca-key.pem") + " without " +
                    (there ? "ca-key.pem" : "ca.pem") +
                    ": put both there, or take another directory for a new cluster");
  if (there && !options.name.empty())
    throw wrong_use(options.directory.string() +
                    " has an authority, which keeps its name: leave --name out, or take another directory");
  if (there) return certificate_authority::from_pem(read_pem(certificate), read_pem(key));
  return certificate_authority::make(options.name.empty() ? "weft cluster" : options.name,
                                     std::min(most_days, 10 * options.days));
}

struct written {
  fs::path file;
  std::string text;
  bool secret;
};

void say_where(std::ostream& out, const certs_options& options, const std::vector<peer_role>& roles) {
  const auto files = [&](std::initializer_list<peer_role> of) {
    std::vector<std::string> names = {"ca.pem"};
    for (const peer_role role : of)
      if (std::find(roles.begin(), roles.end(), role) != roles.end()) {
        names.push_back(certificate_of(role));
        names.push_back(key_of(role));
      }
    return names;
  };
  const auto line = [&](const char* where, const std::vector<std::string>& names) {
    if (names.size() > 1) out << "  " << where << listed(names) << '\n';
  };
  out << "Which file goes where:\n";
  line("the scheduler's machine:  ", files({peer_role::scheduler}));
  line("each worker's machine:    ", files({peer_role::worker, peer_role::nanny}));
  line("machines of clients:      ", files({peer_role::client}));
  out << "  none of them:             ca-key.pem, which signs more: keep it where only you can read it\n";
  const std::string host = options.hosts.empty() ? "HOST" : options.hosts[0];
  const std::string directory = for_shell(options.directory.string());
  out << "Next, on " << host << ", and then on each machine that is to work:\n"
      << "  weft scheduler --certificates " << directory << " --listen 0.0.0.0:8786\n"
      << "  weft worker --certificates " << directory << " --scheduler " << for_shell(address_on(host))
      << " ./program\n";
}

}  // namespace

peer_role parse_role(const std::string& text) {
  std::vector<std::string> names;
  for (const peer_role role : all_roles) {
    if (text == to_string(role)) return role;
    names.emplace_back(to_string(role));
  }
  throw wrong_use("flag --role is '" + text + "': give it " + listed(names, "or"));
}

void make_certificates(const certs_options& options, std::ostream& out) {
  if (options.days < 1 || options.days > most_days)
    throw wrong_use("flag --days is '" + std::to_string(options.days) + "': give it a whole number from 1 to " +
                    std::to_string(most_days));
  if (fs::exists(options.directory) && !fs::is_directory(options.directory))
    throw wrong_use(options.directory.string() + " is a file: give a directory, which is made if it is not there");
  std::vector<peer_role> roles;
  for (const peer_role role : all_roles)
    if (options.roles.empty() || std::find(options.roles.begin(), options.roles.end(), role) != options.roles.end())
      roles.push_back(role);
  std::vector<std::string> there;
  for (const peer_role role : roles)
    for (const std::string& name : {certificate_of(role), key_of(role)})
      if (fs::exists(options.directory / name)) there.push_back(name);
  if (!there.empty() && !options.force)
    throw wrong_use(options.directory.string() + " has " + listed(there) +
                    " already: --force replaces them, signed by the same authority; another directory begins anew");

  // All is made before anything is written: a host that cannot stand in a certificate leaves nothing behind.
  const bool new_authority = !fs::exists(options.directory / "ca.pem");
  const certificate_authority authority = authority_in(options);
  std::vector<written> files;
  if (new_authority) {
    files.push_back({options.directory / "ca-key.pem", authority.key(), true});
    files.push_back({options.directory / "ca.pem", authority.certificate(), false});
  }
  for (const peer_role role : roles) {
    certificate_options of;
    of.role = role;
    of.hosts = options.hosts;
    of.days = options.days;
    if (role == peer_role::client && options.programs) of.rights.emplace_back("programs");
    const credentials made = authority.issue(of);
    files.push_back({options.directory / key_of(role), made.key, true});
    files.push_back({options.directory / certificate_of(role), made.certificate, false});
  }
  if (fs::create_directories(options.directory)) fs::permissions(options.directory, fs::perms::owner_all);
  for (const written& w : files) write_pem(w.file, w.text, w.secret);

  out << "Wrote " << files.size() << " files to " << options.directory.string() << ", good for " << options.days
      << (options.days == 1 ? " day" : " days") << (new_authority ? "" : ", signed by the authority that was there")
      << ".\n";
  say_where(out, options, roles);
}

}  // namespace weft::net
