// A process that watches over workers: of one program, or of those that clients bring.
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <utility>

#include "env/child.hpp"
#include "env/machine_memory.hpp"
#include "tool/identity.hpp"
#include "tool/program_flags.hpp"
#include "tool/programs.hpp"
#include "transport/readable.hpp"
#include "weft/scope.hpp"
#include "worker/nanny.hpp"
#include "worker/worker_process.hpp"

namespace weft::net {

namespace {

/// The worker that has the library and nothing else.
std::string kernels_program() {
  const std::filesystem::path path = std::filesystem::path(detail::own_program()).parent_path() / "weft-kernels";
  if (!std::filesystem::exists(path))
    throw std::runtime_error("weft: --library without a program runs " + path.string() +
                             ", which is not there: install it, or name a program that is linked with weft::shared");
  return path.string();
}

constexpr int ending_signals[] = {SIGINT, SIGTERM};

template <class Watched>
task<> pass_signals(pool* p, std::shared_ptr<Watched> to) {
  for (;;) to->end(co_await wait_signal(*p, ending_signals));
}

task<int> watch_over(nursery& beside, pool* p, std::shared_ptr<worker_process> w) {
  beside.spawn(pass_signals(p, w));
  const int status = co_await worker_process::run(w);
  beside.request_stop();
  co_return status;
}

task<int> serve(nursery& beside, pool* p, std::shared_ptr<nanny> n) {
  beside.spawn(pass_signals(p, n));
  const std::string why = co_await nanny::run(n);
  std::cerr << "weft nanny: " << why << '\n';
  beside.request_stop();
  co_return 0;
}

worker_process_options watching(const worker_settings& s) {
  worker_process_options o;
  o.restart = s.nanny;
  o.memory_limit = s.memory_limit;
  o.processors = s.threads;
  o.spill_directory = s.spill_directory;
  o.say = [](const std::string& sentence) { std::cerr << "weft nanny: " + sentence + "\n" << std::flush; };
  return o;
}

nanny_options serving(const worker_settings& s) {
  nanny_options o;
  o.who = identity_of(s.security, peer_role::nanny);
  o.scheduler = parse_address(s.scheduler, o.who.bare());
  o.name = s.name;
  o.link.try_for = s.death_timeout;
  o.link.resume_for = std::min<std::chrono::nanoseconds>(s.death_timeout, o.link.resume_for);
  o.store.directory = s.program_cache.empty() ? default_program_cache() : s.program_cache;
  o.store.capacity = s.program_cache_limit;
  o.limits.bytes = s.program_limit;
  o.programs = std::max(1u, s.programs);
  o.idle = s.program_idle;
  worker_settings each = s;
  if (each.memory_limit == 0) each.memory_limit = detail::usable_memory();
  each.memory_limit /= o.programs;
  o.worker = watching(each);
  o.command = [each](const std::string& program) { return worker_command(std::vector{program}, each); };
  return o;
}

}  // namespace

int run_nanny(const worker_settings& s, const std::vector<std::string>& command) {
  try {
    pool p({.threads = 1});
    if (command.empty() && !s.library) {
      auto n = nanny::make(p, serving(s));
      const int status = p.run(scope(serve, &p, std::move(n)));
      p.drain_for(std::chrono::seconds(5));  // the scheduler is told
      return status;
    }
    worker_process_options o = watching(s);
    o.command = worker_command(command.empty() ? std::vector{kernels_program()} : command, s);
    auto w = std::make_shared<worker_process>(p, std::move(o));
    return p.run(scope(watch_over, &p, std::move(w)));
  } catch (const cancelled&) { return 130; } catch (const std::exception& e) {
    std::cerr << "weft nanny: " << e.what() << '\n';
    return 1;
  }
}

}  // namespace weft::net
