#pragma once

#include <string>

#include "transport/address.hpp"

namespace weft::net {

/// The number of the interface of this machine by which `to` is reached, as others can reach us by it; empty when
/// there is no way there. Sends nothing. Blocks while a name is resolved.
std::string own_host_towards(const address& to);

}  // namespace weft::net
