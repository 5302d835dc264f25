// What the process of a worker says of itself.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "tool/programs.hpp"
#include "transport/hub.hpp"
#include "weft/client.hpp"

namespace {

using namespace weft::net;

/// In the place of a scheduler: hears who comes, and lets nobody in.
class doorkeeper final : public hub_handler {
 public:
  admission admit(const link_peer& peer) override {
    std::lock_guard guard(lock_);
    said_ = peer.says;
    return {nullptr, 0, refusal::role, "this is no scheduler"};
  }
  void begun(std::shared_ptr<peer_link>) override {}
  std::optional<greeting> said() {
    std::lock_guard guard(lock_);
    return said_;
  }

 private:
  std::mutex lock_;
  std::optional<greeting> said_;
};

}  // namespace

TEST_CASE("a worker says from the beginning what its process may use", "[tool]") {
  weft::pool p({.threads = 1});
  greeting own;
  own.role = peer_role::scheduler;
  own.build_id.assign(16, std::byte{1});
  own.name = "doorkeeper";
  const auto heard = std::make_shared<doorkeeper>();
  hub h(p, {}, own, {}, heard);
  address here;
  here.kind = address_kind::unix_socket;
  here.host = "@weft-test-worker-program-" + std::to_string(::getpid());
  worker_settings s;
  s.scheduler = to_string(h.listen(here));
  s.threads = 1;
  s.nice = 0;
  s.memory_limit = std::uint64_t{1} << 30;
  CHECK(run_worker(s) == 1);
  h.close();
  const auto said = heard->said();
  REQUIRE(said);
  CHECK(said->role == peer_role::worker);
  CHECK(said->memory_limit == s.memory_limit);  // policies go by it; what values may take comes with heartbeats
}
