// Programs that are clients: a user's, and the one that shows what the scheduler knows.
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "env/child.hpp"
#include "env/process.hpp"
#include "object/modules.hpp"
#include "tool/identity.hpp"
#include "tool/program_flags.hpp"
#include "tool/programs.hpp"
#include "transport/link.hpp"
#include "weft/sync.hpp"
#include "weft/timeout.hpp"

namespace weft::net {

int run_program(const client_settings& s, const std::vector<std::string>& command) {
  try {
    detail::become(command, client_environment(s));
  } catch (const std::exception& e) {
    std::cerr << "weft run: " << e.what() << '\n';
    return 1;
  }
}

namespace {

class one_answer final : public link_handler {
 public:
  void received(peer_link&, std::span<const std::byte> messages) override {
    batch_reader batch(messages);
    std::uint16_t kind = 0;
    while (batch.next(kind)) {
      const auto m = batch.get<info>();
      text.assign(m.text.data(), m.text.size());
    }
    done.set();
  }
  void ended(peer_link&, const std::string& reason, bool) override {
    why = reason;
    done.set();
  }
  std::string text, why;
  event done;
};

task<std::string> ask(pool& p, const client_settings& s, bool json) {
  const security who = identity_of(s.security, peer_role::client);
  greeting own;
  own.role = peer_role::tool;
  own.name = detail::host_name() + "-info";
  own.build_id = detail::program_module().build_id;
  link_options o;
  o.try_for = s.connect_timeout;
  auto handler = std::make_shared<one_answer>();
  const auto l = co_await peer_link::dial(p, parse_address(s.scheduler, who.bare()), who, own, o, handler);
  l->send(ask_info{{json ? 1u : 0u}});
  co_await weft::timeout(s.connect_timeout, handler->done.wait());
  l->close(bye_code::finished, "that was all");
  if (handler->text.empty()) throw std::runtime_error("weft: the scheduler did not answer: " + handler->why);
  co_return handler->text;
}

}  // namespace

int show_info(const client_settings& s, bool json) {
  try {
    pool p({.threads = 1});
    std::cout << p.run(ask(p, s, json)) << std::flush;
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "weft info: " << e.what() << '\n';
    return 1;
  }
}

}  // namespace weft::net
