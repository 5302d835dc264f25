// Programs that are clients: a user's, and the one that shows what the scheduler knows.
#include <algorithm>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "client/question.hpp"
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

/// The scheduler's answer to the one question of a tool.
class one_answer final : public link_handler {
 public:
  void received(peer_link&, std::span<const std::byte> messages) override {
    batch_reader batch(messages);
    std::uint16_t kind = 0;
    while (batch.next(kind)) {
      if (kind == static_cast<std::uint16_t>(message_kind::cluster_state)) {
        state = info_of(batch.get<cluster_state>());
      } else {
        const auto m = batch.get<info>();
        text.assign(m.text.data(), m.text.size());
      }
      there = true;
    }
    done.set();
  }
  void ended(peer_link&, const std::string& reason, bool) override {
    why = reason;
    done.set();
  }
  cluster_info state;
  std::string text, why;
  bool there = false;
  event done;
};

template <class M>
task<std::shared_ptr<one_answer>> ask(pool& p, const client_settings& s, M question) {
  const security who = identity_of(s.security, peer_role::client);
  greeting own;
  own.role = peer_role::tool;
  own.name = detail::host_name() + "-info";
  own.build_id = detail::program_module().build_id;
  link_options o;
  o.try_for = s.connect_timeout;
  auto handler = std::make_shared<one_answer>();
  const auto l = co_await peer_link::dial(p, parse_address(s.scheduler, who.bare()), who, own, o, handler);
  l->send(question);
  co_await weft::timeout(s.connect_timeout, handler->done.wait());
  l->close(bye_code::finished, "that was all");
  if (!handler->there) throw std::runtime_error("weft: the scheduler did not answer: " + handler->why);
  co_return handler;
}

}  // namespace

int show_info(const client_settings& s, bool json) {
  try {
    pool p({.threads = 1});
    std::cout << p.run(ask(p, s, ask_info{{json ? 1u : 0u}}))->text << std::flush;
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "weft info: " << e.what() << '\n';
    return 1;
  }
}

int retire_workers(const client_settings& s, const std::vector<std::string>& workers) {
  try {
    std::string names;
    for (const std::string& name : workers) {
      if (const std::string why = why_no_name(name); !why.empty()) {
        std::cerr << "weft retire: " << no_name(name, why) << '\n';
        return 2;
      }
      (names += names.empty() ? "" : " ") += name;
    }
    pool p({.threads = 1});
    const cluster_info there = p.run(ask(p, s, ask_cluster{{1}, names}))->state;
    int status = 0;
    for (const std::string& name : workers) {
      const auto w = std::find_if(there.workers.begin(), there.workers.end(),
                                  [&](const worker_info& x) { return x.name == name || x.address == name; });
      if (w != there.workers.end()) {
        std::cout << name << " is " << w->mode << ": it has " << w->tasks << " tasks, and "
                  << static_cast<double>(w->values) / 1e6 << " MB of values\n";
        continue;
      }
      std::cerr << "weft retire: there is no worker '" << name << "': weft info shows those that there are\n";
      status = 1;
    }
    std::cout << std::flush;
    return status;
  } catch (const std::exception& e) {
    std::cerr << "weft retire: " << e.what() << '\n';
    return 1;
  }
}

}  // namespace weft::net
