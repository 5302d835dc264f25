#include "transport/own_user.hpp"

#include <unistd.h>

#include <asio/ip/address.hpp>
#include <optional>

#include "env/socket_owner.hpp"
#include "transport/address.hpp"

namespace weft::net {
namespace {

struct numbered_end {
  detail::socket_end end;
  bool loopback = false;
};

std::optional<numbered_end> numbers_of(const address& a) {
  std::error_code no_number;
  const auto host = asio::ip::make_address(a.host, no_number);
  if (no_number) return std::nullopt;
  const asio::ip::address_v6 six =
      host.is_v6() ? host.to_v6() : asio::ip::make_address_v6(asio::ip::v4_mapped, host.to_v4());
  numbered_end e;
  e.end = {six.to_bytes(), a.port};
  e.loopback =
      six.is_v4_mapped() ? asio::ip::make_address_v4(asio::ip::v4_mapped, six).is_loopback() : six.is_loopback();
  return e;
}

}  // namespace

end_owner owner_of_end(const std::string& there, const std::string& here) {
  try {
    const address far = parse_address(there);
    if (!far.has_port()) return end_owner::own;
    const auto a = numbers_of(far), b = numbers_of(parse_address(here));
    if (!a || !b || !a->loopback) return end_owner::unknown;
    const std::optional<unsigned> user = detail::user_of_socket(a->end, b->end);
    if (!user) return end_owner::unknown;
    return *user == 0 || *user == ::geteuid() ? end_owner::own : end_owner::other;
  } catch (const bad_address&) { return end_owner::unknown; }
}

}  // namespace weft::net
