#pragma once

#include <string>

#include "tool/settings.hpp"
#include "transport/connect.hpp"

namespace weft::net {

/// The identity that the settings name, for a process of a role. Throws bad_certificate.
security identity_of(const security_settings& s, peer_role role);

}  // namespace weft::net
