// Stands for asio_peer.cpp where Asio is not installed.
#include "asio_peer.hpp"

namespace bench {

struct asio_peer::state {};
bool asio_peer::available() { return false; }
std::string asio_peer::name() { return ""; }
asio_peer::asio_peer(unsigned) {}
asio_peer::~asio_peer() = default;
void asio_peer::post_from_inside(std::size_t) {}
void asio_peer::post_from_outside(std::size_t) {}
void asio_peer::timers(std::size_t) {}

}  // namespace bench
