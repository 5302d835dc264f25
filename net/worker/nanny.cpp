#include "worker/nanny.hpp"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "base/config.hpp"
#include "env/process.hpp"
#include "exec/pool_core.hpp"
#include "weft/sleep.hpp"
#include "weft/timeout.hpp"

namespace weft::net {

struct nanny::program {
  program_manifest what;
  digest whole{};
  std::map<std::uint32_t, std::unique_ptr<program_store::incoming>> missing;  // begun, or null
  bool refused = false;
  bool waits = false;  // has no worker, and has said so
  std::uint64_t clients = 0, turn = 0;

  bool ready() const noexcept { return !refused && missing.empty(); }
};

class nanny::session_handler final : public link_handler {
 public:
  explicit session_handler(std::weak_ptr<nanny> of) : of_(std::move(of)) {}
  void received(peer_link& from, std::span<const std::byte> messages) override {
    if (const auto n = of_.lock()) n->received(from, messages);
  }
  void ended(peer_link&, const std::string& reason, bool in_order) override {
    const auto n = of_.lock();
    if (!n) return;
    n->why_ = reason;
    n->in_order_ = in_order;
    n->session_over_ = true;
    n->session_end_.set();
  }

 private:
  const std::weak_ptr<nanny> of_;
};

std::shared_ptr<nanny> nanny::make(pool& p, nanny_options options) {
  return std::shared_ptr<nanny>(new nanny(p, std::move(options)));
}

nanny::nanny(pool& p, nanny_options options) : pool_(p), options_(std::move(options)), store_(options_.store) {}
nanny::~nanny() = default;

std::chrono::nanoseconds nanny::now() const noexcept { return std::chrono::nanoseconds(pool_.core().now_ns()); }

// ---- beginning and end -------------------------------------------------------------------------------------------

task<std::string> nanny::run(std::shared_ptr<nanny> self) {
  nanny& n = *self;
  n.pool_.spawn(keep_time(self));
  std::exception_ptr error;
  while (!n.ending_) {
    try {
      co_await n.serve();
    } catch (const cancelled&) {
      if (!n.ending_) throw;  // else end() has cut the dialling short
    } catch (...) {
      error = std::current_exception();
      break;
    }
    if (n.in_order_) break;
    if (!n.ending_) n.say("the session with the scheduler is lost (" + n.why_ + "): a new one is tried");
  }
  if (!n.ending_) n.end(SIGTERM);  // a second one would kill
  while (!n.workers_.empty()) {
    n.worker_end_.reset();
    co_await n.worker_end_.wait();
  }
  if (error) std::rethrow_exception(error);
  co_return n.why_;
}

/// One session.
task<> nanny::serve() {
  greeting own;
  own.role = peer_role::nanny;
  own.name = options_.name.empty() ? detail::process_name() : options_.name;
  own.incarnation = pool_.core().env().random();
  session_over_ = in_order_ = false;
  session_end_.reset();
  programs_.clear();
  auto handler = std::make_shared<session_handler>(weak_from_this());
  auto dialling = peer_link::dial(pool_, options_.scheduler, options_.who, own, options_.link, handler);
  auto made = co_await with_stop(dialling_, std::move(dialling));
  if (const std::string stranger = may_pass_programs(made->peer()); !stranger.empty()) {
    made->close(bye_code::failed, "a nanny takes programs from a scheduler that it can believe");
    throw bad_program("weft: no programs are taken from this scheduler: " + stranger);
  }
  link_ = std::move(made);
  if (ending_) link_->close(bye_code::finished, "the nanny ends");
  if (!session_over_) co_await session_end_.wait();
  link_.reset();
}

void nanny::end(int signal) {
  const bool again = std::exchange(ending_, true);
  if (!again) why_ = signal == SIGINT ? "interrupted" : why_.empty() ? "asked to end" : why_;
  for (auto& [whole, worker] : workers_)
    if (!std::exchange(worker.asked, true) || again) worker.process->end(signal);
  dialling_.request_stop();
  if (link_) link_->close(bye_code::finished, "the nanny ends");
  session_end_.set();
}

task<> nanny::keep_time(std::shared_ptr<nanny> self) {
  nanny& n = *self;
  while (!n.ending_) {
    const auto t = n.now();
    for (auto& [whole, w] : n.workers_) {
      if (n.in_use(whole)) w.used = t;
      if (t - w.used >= n.options_.idle) n.make_end(w);
    }
    co_await sleep_for(std::chrono::milliseconds(200));
  }
}

// ---- what the scheduler says -------------------------------------------------------------------------------------

void nanny::received(peer_link& from, std::span<const std::byte> messages) {
  // What comes before dial() has given the link is answered by it.
  if (!link_) {
    if (!may_pass_programs(from.peer()).empty()) return;
    link_ = from.shared_from_this();
  }
  batch_reader batch(messages);
  std::uint16_t kind = 0;
  while (batch.next(kind)) {
    switch (static_cast<message_kind>(kind)) {
      case message_kind::program_offer:
        offered(batch.get<program_offer>());
        break;
      case message_kind::program_chunk:
        came(batch.get<program_chunk>());
        break;
      case message_kind::program_clients:
        clients(batch.get<program_clients>());
        break;
      case message_kind::program_failed:
        drop(batch.get<program_failed>());
        break;
      default:
        throw protocol_error("weft: the scheduler sent a message of kind " + std::to_string(kind) +
                             ", which is none to a nanny");
    }
  }
}

void nanny::offered(const program_offer& m) {
  if (!programs_.count(m.program) && programs_.size() >= options_.limits.programs) {
    const auto old = std::find_if(programs_.begin(), programs_.end(), [&](const auto& x) {
      return x.second.clients == 0 && !workers_.count(x.second.whole);
    });
    if (old == programs_.end()) return refuse(m.program, "weft: the nanny has as many programs as it may");
    programs_.erase(old);
  }
  program& p = programs_[m.program] = program();
  program_missing answer{};
  answer.program = m.program;
  std::vector<std::uint32_t> missing;
  try {
    p.what = program_manifest::from(m, options_.limits);
    p.whole = p.what.whole();
    if (p.what.bytes() > options_.limits.bytes)
      throw bad_program("weft: the program has " + std::to_string(p.what.bytes()) + " bytes with its libraries; " +
                        std::to_string(options_.limits.bytes) + " are allowed (worker.program_limit)");
    if (p.what.bytes() > options_.store.capacity)
      throw bad_program("weft: the program has " + std::to_string(p.what.bytes()) +
                        " bytes with its libraries; the " + "cache has " + std::to_string(options_.store.capacity) +
                        " (worker.program_cache_limit)");
  } catch (const bad_program& e) { return refuse(m.program, e.what()); }
  for (std::uint32_t i = 0; i < p.what.files.size(); ++i) {
    if (store_.has(p.what.files[i])) continue;
    missing.push_back(i);
    p.missing.emplace(i, nullptr);
  }
  answer.files = missing;
  link_->send(answer);
  if (!missing.empty()) return;
  program_ready ready{};
  ready.program = m.program;
  link_->send(ready);
}

void nanny::refuse(std::uint64_t number, const std::string& why) {
  if (const auto at = programs_.find(number); at != programs_.end()) {
    at->second.refused = true;
    at->second.missing.clear();
  }
  say("a program is not taken: " + why);
  program_failed m{};
  m.program = number;
  m.text = why;
  link_->send(m);
}

void nanny::came(const program_chunk& m) {
  const auto at = programs_.find(m.program);
  if (at == programs_.end() || at->second.refused) return;  // crossed with our refusal
  program& p = at->second;
  const auto file = p.missing.find(m.file);
  if (file == p.missing.end())
    throw protocol_error("weft: the scheduler sent a file of a program that was not asked for");
  try {
    if (!file->second) file->second = store_.receive(p.what.files[m.file]);
    file->second->add(m.offset, m.bytes);
  } catch (const bad_program& e) { return refuse(m.program, e.what()); } catch (const std::system_error& e) {
    return refuse(m.program, e.what());
  }
  if (!file->second->complete()) return;
  p.missing.erase(file);
  if (!p.missing.empty()) return;
  program_ready ready{};
  ready.program = m.program;
  link_->send(ready);
  place();
}

void nanny::clients(const program_clients& m) {
  const auto at = programs_.find(m.program);
  if (at == programs_.end()) return;
  program& p = at->second;
  if (p.clients == 0 && m.clients != 0) p.turn = ++turns_;
  p.clients = m.clients;
  if (m.clients == 0) p.waits = false;
  place();
}

/// Nobody can send the rest of it, or its worker dies before it comes to the scheduler.
void nanny::drop(const program_failed& m) {
  const auto at = programs_.find(m.program);
  if (at == programs_.end()) return;
  const digest whole = at->second.whole;
  programs_.erase(at);
  if (const auto w = workers_.find(whole); w != workers_.end() && !in_use(whole)) make_end(w->second);
}

// ---- workers -----------------------------------------------------------------------------------------------------

bool nanny::in_use(const digest& whole) const {
  return std::any_of(programs_.begin(), programs_.end(),
                     [&](const auto& x) { return x.second.whole == whole && x.second.clients != 0; });
}

void nanny::make_end(running& worker) {
  if (!std::exchange(worker.asked, true)) worker.process->end(SIGTERM);
}

/// Starts what may start: the first come first.
void nanny::place() {
  if (ending_) return;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> waiting;  // turn, number
  for (const auto& [number, p] : programs_)
    if (p.ready() && p.clients != 0 && !workers_.count(p.whole)) waiting.emplace_back(p.turn, number);
  std::sort(waiting.begin(), waiting.end());
  for (const auto& [turn, number] : waiting) {
    if (workers_.size() < options_.programs) {
      start(number);
      continue;
    }
    program& p = programs_.at(number);
    if (!std::exchange(p.waits, true)) tell(number, worker_life::waiting, 0);
    // A worker without clients makes room; its end calls us again.
    for (auto& [whole, worker] : workers_) {
      if (in_use(whole)) continue;
      make_end(worker);
      break;
    }
    break;
  }
}

void nanny::start(std::uint64_t number) {
  program& p = programs_.at(number);
  std::string assembled;
  try {
    assembled = store_.assemble(p.what);
  } catch (const bad_program& e) { return refuse(number, e.what()); }
  worker_process_options o = options_.worker;
  o.command = options_.command(assembled + "/" + p.what.files[0].name);
  if (p.what.files.size() > 1) {
    const std::string before = detail::setting("LD_LIBRARY_PATH", "");
    o.environment.push_back("LD_LIBRARY_PATH=" + assembled + (before.empty() ? "" : ":" + before));
  }
  std::weak_ptr<nanny> weak = weak_from_this();
  o.told = [weak, whole = p.whole](process_event e, int value) {
    const auto n = weak.lock();
    if (!n) return;
    for (const auto& [known, of] : n->programs_)
      if (of.whole == whole)
        n->tell(known,
                e == process_event::started ? worker_life::started
                : e == process_event::ended ? worker_life::ended
                                            : worker_life::restarting,
                value);
  };
  p.waits = false;
  workers_[p.whole] = {std::make_shared<worker_process>(pool_, std::move(o)), now(), false};
  pool_.spawn(live(shared_from_this(), p.whole, std::move(assembled)));
}

task<> nanny::live(std::shared_ptr<nanny> self, digest whole, std::string assembled) {
  constexpr std::chrono::seconds at_once{1};
  nanny& n = *self;
  const std::shared_ptr<worker_process> process = n.workers_.at(whole).process;
  const auto began = n.now();
  std::string why;
  int status = 0;
  try {
    status = co_await worker_process::run(process);
  } catch (const std::exception& e) { why = e.what(); }
  const bool asked = n.workers_.at(whole).asked;
  n.workers_.erase(whole);
  n.store_.remove(assembled);
  if (why.empty() && !asked && (status == 2 || (status == 0 && n.now() - began < at_once)))
    why = "weft: a worker of the program ends at once, with status " + std::to_string(status) +
          ": does its main call weft::main, or weft::init first?";
  if (!why.empty() && !n.ending_ && n.link_) {
    std::vector<std::uint64_t> known;
    for (const auto& [number, p] : n.programs_)
      if (p.whole == whole) known.push_back(number);
    for (const std::uint64_t number : known) n.refuse(number, why);
  }
  n.worker_end_.set();
  n.place();
}

void nanny::tell(std::uint64_t number, worker_life life, int process) {
  if (!link_) return;
  worker_state m{};
  m.program = number;
  m.life = static_cast<std::uint32_t>(life);
  m.process = process;
  link_->send(m);
}

}  // namespace weft::net
