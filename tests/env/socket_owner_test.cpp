#include "env/socket_owner.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>

#include "env/owned_descriptor.hpp"
#include "support/test_directory.hpp"

using weft::detail::owned_descriptor;
using weft::detail::socket_end;
using weft::detail::user_of_socket;
using weft::detail::user_of_socket_in;

namespace {

socket_end end_at(std::uint8_t last, std::uint16_t port) {
  return {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, last}, port};
}

socket_end name_of(int fd) {
  sockaddr_in a{};
  socklen_t n = sizeof a;
  REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&a), &n) == 0);
  return end_at(1, ntohs(a.sin_port));
}

}  // namespace

TEST_CASE("the end of a connection has the user who made it, for as long as it is open") {
  const owned_descriptor door(::socket(AF_INET, SOCK_STREAM, 0)), near(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(door.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0);
  REQUIRE(::listen(door.get(), 1) == 0);
  a.sin_port = htons(name_of(door.get()).port);
  REQUIRE(::connect(near.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0);
  const owned_descriptor far(::accept(door.get(), nullptr, nullptr));
  const socket_end one = name_of(near.get()), other = name_of(far.get());
  CHECK(user_of_socket(one, other) == ::geteuid());
  CHECK(user_of_socket(other, one) == ::geteuid());
  CHECK(user_of_socket_in("/proc/net", one, other) == ::geteuid());
  CHECK(user_of_socket(one, end_at(1, static_cast<std::uint16_t>(other.port + 1))) == std::nullopt);
  // Half closed it may be read by somebody who is not asked for.
  ::shutdown(near.get(), SHUT_WR);
  char end = 0;
  CHECK(::read(far.get(), &end, 1) == 0);
  CHECK(user_of_socket(one, other) == std::nullopt);
}

TEST_CASE("the tables of connections are searched for both ends") {
  const test_directory made;
  const std::string head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n";
  const auto row = [](const char* local, const char* peer, const char* state, unsigned user) {
    return std::string("   0: ") + local + " " + peer + " " + state + " 00000000:00000000 00:00000000 00000000 " +
           std::to_string(user) + " 0 1\n";
  };
  const auto user = [&](const std::string& four, const std::string& six = "") {
    made.write("tcp", head + four);
    made.write("tcp6", head + six);
    return user_of_socket_in(made.path().string(), end_at(2, 4096), end_at(1, 8786));
  };
  const char *there = "0200007F:1000", *here = "0100007F:2252";
  CHECK(user(row(there, here, "01", 7)) == 7u);
  CHECK(user("", row("0000000000000000FFFF00000200007F:1000", "0000000000000000FFFF00000100007F:2252", "01", 7)) ==
        7u);
  CHECK(user(row("0100007F:1000", here, "01", 1) + row(there, here, "01", 7)) == 7u);
  CHECK(user(row(there, here, "05", 7)) == std::nullopt);
  CHECK(user(row("0100007F:1000", here, "01", 7)) == std::nullopt);
  CHECK(user(row(there, "0100007F:2253", "01", 7)) == std::nullopt);
  CHECK(user(row(here, there, "01", 7)) == std::nullopt);
  CHECK(user(row(there, "00000000:0000", "0A", 7)) == std::nullopt);
  CHECK(user("nonsense\n") == std::nullopt);
}
