#include "crowd.hpp"

#include <chrono>
#include <span>
#include <string>

#include "object/modules.hpp"
#include "transport/address.hpp"

namespace bench {
namespace {

using namespace weft::net;

/// Has done at once what it is given.
class idle_worker final : public link_handler {
 public:
  void received(peer_link& from, std::span<const std::byte> messages) override {
    batch_reader reader(messages);
    std::uint16_t kind = 0;
    while (reader.next(kind)) {
      if (kind != static_cast<std::uint16_t>(message_kind::run_task)) continue;
      const auto m = reader.get<run_task>();
      done_task done{};
      done.id = m.id;
      done.attempt = m.attempt;
      done.bytes = 8;
      done.nanoseconds = 500;
      from.send(done);
    }
  }
  void ended(peer_link&, const std::string&, bool) override {}
};

greeting hello_of(std::size_t i) {
  greeting g;
  g.role = peer_role::worker;
  g.name = "idle-" + std::to_string(i);
  g.build_id = weft::detail::program_module().build_id;
  g.incarnation = i + 1;
  g.slots = 1;
  return g;
}

}  // namespace

crowd::crowd(std::size_t count) {
  const address where = parse_address(servers_.address());
  for (std::size_t i = 0; i < count; ++i)
    links_.push_back(pool_.run(peer_link::dial(pool_, where, {}, hello_of(i), {}, std::make_shared<idle_worker>())));
  servers_.wait_for_workers(count);
}

crowd::~crowd() {
  for (const auto& l : links_) l->close(bye_code::finished, "the measurement is over");
  links_.clear();
  pool_.drain_for(std::chrono::seconds(10));
}

}  // namespace bench
