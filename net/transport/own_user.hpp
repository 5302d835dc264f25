#pragma once

#include <string>

namespace weft::net {

/// Whose the other end of a connection of this machine is.
enum class end_owner { own, other, unknown };

/// Of a connection that has no certificate: by its two addresses, as stream has them. Root's ends are our own: root
/// can do what we can. `own` too for what only our own user reaches: Unix sockets, and what does not leave the
/// process. `unknown` for an end on another machine, one that is closed, or where the system does not say. Cost: a
/// system call or four.
end_owner owner_of_end(const std::string& there, const std::string& here);

}  // namespace weft::net
