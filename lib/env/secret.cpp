#include "env/secret.hpp"

#include <sys/random.h>

#include <cerrno>
#include <system_error>

#include "env/simulated.hpp"

namespace weft::detail {

std::uint64_t secret(environment& env) {
  if (auto* simulated = dynamic_cast<simulated_environment*>(&env)) return simulated->random();
  std::uint64_t bits = 0;
  // So few are given whole, or, while the machine gathers its first, not at all.
  while (::getrandom(&bits, sizeof bits, 0) != static_cast<ssize_t>(sizeof bits))
    if (errno != EINTR)
      throw std::system_error(errno, std::generic_category(), "weft: the system gives no random bits (getrandom)");
  return bits;
}

}  // namespace weft::detail
