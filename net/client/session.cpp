#include "client/session.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <utility>

#include "base/log.hpp"
#include "client/held_lease.hpp"
#include "client/program_source.hpp"
#include "env/process.hpp"
#include "env/secret.hpp"
#include "exec/pool_core.hpp"
#include "exec/spawn_part.hpp"
#include "object/modules.hpp"
#include "weft/blocking.hpp"
#include "weft/sleep.hpp"
#include "weft/timeout.hpp"

namespace weft::net {

namespace {

/// What may wait for the scheduler where nobody says: this part of the budget, and so many bytes at least.
constexpr std::uint64_t unsent_share = 4, least_unsent = std::uint64_t{16} << 20;

/// To whom wants the library's kernels alone, where nobody has them.
std::string no_library() {
  return "weft: no worker has this library, build " + detail::hexadecimal(detail::common_module(true).build_id) +
         ": start one by `weft worker --library`, or connect without `library`, and the program travels";
}

/// The I/O of a client: its link to the scheduler, and those to the workers that have values. The home and the engine
/// own each other's life; this lives as long as its links do, and forgets the home when the client ends.
///
/// Locks. `open_lock_` is held, shared, while the home is called from a link; close() takes it, and from then on
/// nobody calls.
class client_session final : public std::enable_shared_from_this<client_session>, public exchange_host {
 public:
  client_session(pool& p, client_session_options options) : pool_(p), options_(std::move(options)) {}

  static task<client> connect(std::shared_ptr<client_session> self);
  /// The same by a link that is there, and belongs to somebody else.
  static client share(std::shared_ptr<client_session> self, const greeting& own, std::shared_ptr<peer_link> scheduler,
                      peer_id id);
  /// `from`: whom to answer what is about this program; null: nobody asks.
  void received(std::span<const std::byte> messages, peer_link* from) {
    // What is named may be with a worker that is put off: then there is nothing to send, and all the same a time to
    // look again.
    bool sooner = false;
    with_home([&](client_home& h) {
      batch_reader batch(messages);
      h.receive(now(), batch);
      sooner = h.deadline() < looks_at_.load(std::memory_order_acquire);
    });
    if (sooner) time_.set();
    if (const auto desk = leases()) desk->received(messages);
    if (from) about_program(messages, *from);
  }

  task<client> lease(detail::lease_terms terms) { return lease_desk::lease(desk_, std::move(terms)); }
  static task<cluster_info> look(std::shared_ptr<client_session> self, std::string retire);

  // From the home, under its lock.
  void has_output();
  void close() noexcept;

  // exchange_host
  outgoing_value find(task_id value) override {
    outgoing_value v;
    with_home([&](client_home& h) { v = h.find(value); });
    return v;
  }
  void cannot_send(task_id value) override {
    with_home([&](client_home& h) { h.cannot_send(value); });
  }
  expected_value expected(std::uint64_t request, task_id value) override {
    expected_value of;
    with_home([&](client_home& h) { of = h.expected(request, value); });
    return of;
  }
  void refuse(std::uint64_t request, task_id value, std::exception_ptr why) override {
    with_home([&](client_home& h) { h.refuse(now(), request, value, why); });
    tick();
  }
  value_landing land(const value_header& header) override {
    value_landing where;
    with_home([&](client_home& h) { where = h.land(now(), header); });
    if (!where.wanted) tick();
    return where;
  }
  void landed(std::uint64_t request, task_id value, value_landing where) override {
    with_home([&](client_home& h) { h.landed(request, value, std::move(where)); });
    tick();
  }
  void cut_off(task_id, value_landing where) override {
    with_home([&](client_home& h) { h.cut_off(std::move(where)); });
  }
  void not_there(std::uint64_t request, task_id value, bool busy) override {
    with_home([&](client_home& h) { h.not_there(now(), request, value, busy); });
    tick();
  }
  void peer_interrupted(peer_id peer) override {
    with_home([&](client_home& h) { h.peer_interrupted(now(), peer); });
    tick();
  }
  void peer_resumed(peer_id peer) override {
    with_home([&](client_home& h) { h.peer_resumed(peer); });
    tick();
  }
  void peer_lost(peer_id peer) override {
    with_home([&](client_home& h) { h.peer_lost(now(), peer); });
    tick();
  }

 private:
  friend class session_links;
  class scheduler_link;

  template <class F>
  void with_home(F f) {
    std::shared_lock guard(open_lock_);
    if (home_) f(*home_);
  }
  std::shared_ptr<lease_desk> leases() {
    std::shared_lock guard(open_lock_);
    return home_ ? desk_ : nullptr;
  }
  time_ns now() const noexcept { return pool_.core().now_ns(); }
  void tick() {
    with_home([&](client_home& h) { h.tick(now()); });
    time_.set();
  }
  void about_program(std::span<const std::byte> messages, peer_link& from);
  static task<> send_program(std::shared_ptr<client_session> self, std::shared_ptr<peer_link> to);
  static client begin(const std::shared_ptr<client_session>& self, const greeting& own, peer_id id);
  void send();
  void start(task<> work, std::atomic<bool>& begun);
  static task<> send_later(std::shared_ptr<client_session> self);
  static task<> send_rest(std::shared_ptr<client_session> self);
  static task<> keep_time(std::shared_ptr<client_session> self);

  pool& pool_;
  const client_session_options options_;
  peer_id self_ = 0;
  std::uint64_t secret_ = 0;
  std::shared_mutex open_lock_;
  client_home* home_ = nullptr;
  std::shared_ptr<peer_link> scheduler_;
  std::shared_ptr<exchange> exchange_;
  std::shared_ptr<lease_desk> desk_;
  std::atomic<bool> sending_{false}, waiting_{false};  // send_later(), send_rest() is under way
  event time_;
  std::atomic<time_ns> looks_at_{session::never};  // keep_time(), unless time_ is set
  bool over_ = false, shared_ = false;
  std::mutex program_lock_;           // of what follows
  std::deque<wanted_record> wanted_;  // of this program, by the scheduler
  bool sending_program_ = false;
  std::unique_ptr<program_source> program_;  // of the task that sends it
  std::string nobody_runs_;                  // why no worker will ever run this program
};

/// What the home holds of the session.
class session_links final : public client_links {
 public:
  explicit session_links(std::shared_ptr<client_session> s) : session_(std::move(s)) {}
  void has_output() override { session_->has_output(); }
  void send_now() override { session_->send(); }
  void peer(const peer_info& p) override {
    session_->exchange_->know(p.peer, std::string(p.address.data(), p.address.size()));
  }
  void peer_left(peer_id p) override { session_->exchange_->forget(p); }
  task<client> lease(detail::lease_terms terms) override { return session_->lease(std::move(terms)); }
  task<cluster_info> look(std::string retire) override { return client_session::look(session_, std::move(retire)); }
  void fetch(peer_id peer, std::uint64_t request, std::span<const task_id> values) override {
    session_->exchange_->ask(peer, request, values);
  }
  void stop_fetching(peer_id peer, std::uint64_t request) override { session_->exchange_->stop(peer, request); }
  void offer(peer_id worker) override { session_->exchange_->offer(worker, session_->self_, session_->secret_); }
  void unreached(peer_id worker) override {
    detail::log_once("offers unreached",
                     "the worker at " + session_->exchange_->address_of(worker) +
                         " is not reached by this client, which has scattered values that it was to have: others are "
                         "to have them, and where there are none the values fail; see that clients reach the "
                         "addresses that workers announce");
  }
  void close() noexcept override { session_->close(); }

 private:
  const std::shared_ptr<client_session> session_;
};

class client_session::scheduler_link final : public link_handler {
 public:
  explicit scheduler_link(std::shared_ptr<client_session> of) : of_(std::move(of)) {}
  void received(peer_link& from, std::span<const std::byte> messages) override { of_->received(messages, &from); }
  void ended(peer_link&, const std::string& reason, bool) override {
    const std::string why = "weft: the cluster is gone: " + reason;
    of_->with_home([&](client_home& h) { h.lost(why); });
    if (const auto desk = of_->leases()) desk->close(why);
    of_.reset();  // the session holds the link, which holds this
  }

 private:
  std::shared_ptr<client_session> of_;
};

task<client> client_session::connect(std::shared_ptr<client_session> self) {
  client_session& s = *self;
  greeting own;
  own.role = peer_role::client;
  own.name = s.options_.name.empty() ? detail::process_name() : s.options_.name;
  own.build_id = detail::common_module(s.options_.library).build_id;
  own.incarnation = s.pool_.core().env().random();
  s.exchange_ = std::make_shared<exchange>(s.pool_, s.options_.who, own, s.options_.link, s);
  auto handler = std::make_shared<scheduler_link>(self);
  s.scheduler_ = co_await peer_link::dial(s.pool_, s.options_.scheduler, s.options_.who, own, s.options_.link,
                                          std::move(handler));
  co_return begin(self, own, s.scheduler_->peer().id);
}

client client_session::share(std::shared_ptr<client_session> self, const greeting& own,
                             std::shared_ptr<peer_link> scheduler, peer_id id) {
  client_session& s = *self;
  s.shared_ = true;
  s.exchange_ = std::make_shared<exchange>(s.pool_, s.options_.who, own, s.options_.link, s);
  s.scheduler_ = std::move(scheduler);
  return begin(self, own, id);
}

client client_session::begin(const std::shared_ptr<client_session>& self, const greeting& own, peer_id id) {
  client_session& s = *self;
  s.desk_ = std::make_shared<lease_desk>(lease_desk::place{s.pool_, s.options_.who, own, s.options_.link,
                                                           s.scheduler_, id, s.options_.memory, s.options_.leases});
  client_limits limits;
  limits.message = s.options_.link.session.frames.message;
  s.self_ = id;
  s.secret_ = limits.secret = detail::secret(s.pool_.core().env());
  limits.offer_tries = s.options_.offer_tries;
  limits.module = detail::module_key(own.build_id);
  limits.graphs = (s.scheduler_->peer().capabilities & capability::graphs) != 0;
  if (s.scheduler_->peer().capabilities & capability::offers) limits.offered_bytes = s.options_.offered_bytes;
  auto home = std::make_unique<client_home>(id, std::make_unique<session_links>(self), limits);
  client_home& at = *home;
  client c(s.pool_, s.options_.memory, std::move(home));
  at.attach(*c.get_engine());
  at.limit_waiting(s.options_.memory.most_unsent ? s.options_.memory.most_unsent
                                                 : std::max(least_unsent, c.memory().budget / unsent_share));
  {
    std::lock_guard guard(s.open_lock_);
    s.home_ = &at;
  }
  std::string lost;
  {
    std::lock_guard guard(s.program_lock_);
    lost = s.nobody_runs_;
  }
  if (!lost.empty()) at.lost(lost);
  s.pool_.spawn(keep_time(self), priority::interactive);
  return c;
}

// ---- this program, where nobody has it ---------------------------------------------------------------------------

void client_session::about_program(std::span<const std::byte> messages, peer_link& from) {
  batch_reader batch(messages);
  std::uint16_t kind = 0;
  while (batch.next(kind)) {
    if (kind == static_cast<std::uint16_t>(message_kind::program_wanted)) {
      const auto m = batch.get<program_wanted>();
      std::lock_guard guard(program_lock_);
      wanted_.push_back(m);
      if (!std::exchange(sending_program_, true))
        pool_.spawn(send_program(shared_from_this(), from.shared_from_this()));
    } else if (kind == static_cast<std::uint16_t>(message_kind::program_failed)) {
      const auto m = batch.get<program_failed>();
      const std::string why = options_.library ? no_library() : std::string(m.text.data(), m.text.size());
      {
        std::lock_guard guard(program_lock_);
        nobody_runs_ = why;
      }
      with_home([&](client_home& h) { h.lost(why); });
    }
  }
}

/// Answers what was asked for, in its order. The files are read by threads that may block.
task<> client_session::send_program(std::shared_ptr<client_session> self, std::shared_ptr<peer_link> to) {
  client_session& s = *self;
  for (;;) {
    wanted_record w{};
    {
      std::lock_guard guard(s.program_lock_);
      if (s.wanted_.empty()) {
        s.sending_program_ = false;
        co_return;
      }
      w = s.wanted_.front();
      s.wanted_.pop_front();
    }
    std::string failed;
    try {
      const auto read = [&s, &w] {
        if (s.options_.library) throw std::runtime_error(no_library());
        if (!s.program_) s.program_ = std::make_unique<program_source>();
        if (w.file == no_file) return std::vector<std::byte>();
        return s.program_->read(w.file, w.offset, w.bytes);
      };
      const std::vector<std::byte> bytes = co_await blocking(read);
      if (w.file == no_file) {
        to->send_with([&](batch_writer& out) { s.program_->manifest().write(out, 0); });
      } else {
        program_chunk m{};
        m.file = w.file;
        m.offset = w.offset;
        m.bytes = bytes;
        to->send(m);
      }
    } catch (const cancelled&) { throw; } catch (const std::exception& e) {
      failed = e.what();
    }
    if (failed.empty()) continue;
    program_failed m{};
    m.text = failed;
    to->send(m);
  }
}

task<cluster_info> client_session::look(std::shared_ptr<client_session> self, std::string retire) {
  std::shared_ptr<question> asked;
  self->with_home([&](client_home& h) { asked = h.ask(retire); });
  if (!asked) throw std::runtime_error("weft: this client of the cluster has ended");
  co_await asked->over.wait();
  if (!asked->lost.empty()) throw std::runtime_error(asked->lost);
  co_return std::move(asked->answer);
}

/// Who runs on the pool sends at the end of its turn; so several submissions are one frame. Whoever clears `sending_`
/// takes the output after it, by the home's lock, which the caller holds: so a glance is enough.
void client_session::has_output() {
  if (sending_.load(std::memory_order_relaxed)) return;
  if (!sending_.exchange(true, std::memory_order_acq_rel)) start(send_later(shared_from_this()), sending_);
}

/// It belongs to what was submitted, which the pool has taken: so it is begun however much waits there. Where memory
/// is short it leaves the way to the next.
void client_session::start(task<> work, std::atomic<bool>& begun) {
  try {
    detail::spawn_part(pool_.core(), std::move(work), priority::interactive);
  } catch (...) {
    begun.store(false, std::memory_order_release);
    throw;
  }
}

task<> client_session::send_later(std::shared_ptr<client_session> self) {
  self->sending_.store(false, std::memory_order_release);
  self->send();
  co_return;
}

void client_session::send() {
  bool more = false, sooner = false;
  with_home([&](client_home& h) {
    scheduler_->send_in_room([&](batch_writer& to, std::size_t room) { more = h.take_output(now(), to, room); });
    sooner = h.deadline() < looks_at_.load(std::memory_order_acquire);
  });
  // What was just asked for waits for a peer that is put off.
  if (sooner) time_.set();
  if (more && !waiting_.exchange(true, std::memory_order_acq_rel)) start(send_rest(shared_from_this()), waiting_);
}

/// What the link had no room for. Whoever finds after the store that more waits begins another.
task<> client_session::send_rest(std::shared_ptr<client_session> self) {
  co_await self->scheduler_->wait_for_room();
  self->waiting_.store(false, std::memory_order_release);
  self->send();
}

task<> client_session::keep_time(std::shared_ptr<client_session> self) {
  client_session& s = *self;
  for (;;) {
    time_ns deadline = session::never;
    bool over = false;
    {
      std::shared_lock guard(s.open_lock_);
      over = s.over_;
      s.time_.reset();
      s.looks_at_.store(session::never, std::memory_order_release);
      if (s.home_) {
        s.home_->tick(s.now());
        deadline = s.home_->deadline();
      }
    }
    if (over) co_return;
    const time_ns from = s.now();
    const auto wait = std::chrono::nanoseconds(std::clamp<time_ns>(deadline - from, 1'000'000, 60'000'000'000));
    s.looks_at_.store(from + wait.count(), std::memory_order_release);
    try {
      co_await weft::timeout(wait, s.time_.wait());
    } catch (const timed_out&) {}
  }
}

void client_session::close() noexcept {
  {
    std::lock_guard guard(open_lock_);
    home_ = nullptr;
    over_ = true;
  }
  time_.set();
  desk_->close("weft: this client of the cluster has ended");
  exchange_->close();
  if (!shared_) scheduler_->close(bye_code::finished, "the client has ended");
}

}  // namespace

namespace {

class nested_client final : public submitter {
 public:
  explicit nested_client(submitter_place w)
      : session_(std::make_shared<client_session>(
            w.threads, client_session_options{{}, w.who, {}, w.link, std::move(w.memory), {}})),
        client_(client_session::share(session_, w.own, std::move(w.scheduler), w.self)) {}
  detail::engine& engine() override { return *client_.get_engine(); }
  void received(std::span<const std::byte> messages) override { session_->received(messages, nullptr); }
  void close() override { client_.get_engine()->cluster()->close(); }

 private:
  std::shared_ptr<client_session> session_;
  client client_;
};

}  // namespace

std::unique_ptr<submitter> make_nested_client(submitter_place where) {
  return std::make_unique<nested_client>(std::move(where));
}

task<client> connect_client(pool& p, client_session_options options) {
  auto session = std::make_shared<client_session>(p, std::move(options));
  return client_session::connect(std::move(session));
}

}  // namespace weft::net
