#include "tool/identity.hpp"

namespace weft::net {

security identity_of(const security_settings& s, peer_role role) {
  security who;
  if (!s.certificates.empty()) who = security::from_directory(s.certificates, role);
  who.insecure = s.insecure;
  return who;
}

}  // namespace weft::net
