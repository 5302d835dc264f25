#include "transport/hub.hpp"

#include <openssl/rand.h>

#include <list>
#include <map>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "transport/link_state.hpp"
#include "transport/openssl.hpp"
#include "weft/errors.hpp"
#include "weft/stop.hpp"
#include "weft/timeout.hpp"

namespace weft::net {

class hub_state : public std::enable_shared_from_this<hub_state> {
 public:
  hub_state(pool& p, security who, greeting own, hub_options options, std::shared_ptr<hub_handler> handler)
      : pool_(p),
        who_(std::move(who)),
        own_(std::move(own)),
        options_(std::move(options)),
        handler_(std::move(handler)),
        greeting_(options_.most_greeting) {}

  address listen(const address& a) {
    std::shared_ptr<listener> l = listen_on(pool_, a, who_);
    {
      std::lock_guard guard(mutex_);
      if (closed_) throw misuse("weft: the hub is closed");
      listeners_.push_back(l);
    }
    pool_.spawn(accept_all(shared_from_this(), l));
    return l->local();
  }

  void close() {
    std::vector<std::shared_ptr<listener>> all;
    {
      std::lock_guard guard(mutex_);
      closed_ = true;
      std::swap(all, listeners_);
    }
    for (const auto& l : all) l->close();
    stop_.request_stop();
  }

  static void forget(void* self, std::uint64_t session) {
    auto& h = *static_cast<hub_state*>(self);
    std::shared_ptr<peer_link> last;  // destroyed without the lock
    std::lock_guard guard(h.mutex_);
    const auto at = h.sessions_.find(session);
    if (at == h.sessions_.end()) return;
    last = std::move(at->second);
    h.sessions_.erase(at);
  }

  std::size_t failures() {
    std::lock_guard guard(mutex_);
    return failures_;
  }
  std::string last_failure() {
    std::lock_guard guard(mutex_);
    return last_failure_;
  }

 private:
  struct greeting_peer {
    time_ns began;
    stop_source stop;
    bool crowded_out = false;
  };
  struct place {  // of a connection that is greeting
    explicit place(std::shared_ptr<hub_state> h) noexcept : of(std::move(h)) {}
    place(place&& o) noexcept : of(std::move(o.of)), at(o.at), begun(o.begun) {}
    ~place() {
      if (!of) return;
      if (begun) {
        std::lock_guard guard(of->mutex_);
        of->greetings_.erase(at);
      }
      of->greeting_.release();
    }
    void begin() {
      std::lock_guard guard(of->mutex_);
      at = of->greetings_.emplace(of->greetings_.end(), std::make_shared<greeting_peer>());
      (*at)->began = of->now();
      begun = true;
    }
    std::shared_ptr<hub_state> of;
    std::list<std::shared_ptr<greeting_peer>>::iterator at;
    bool begun = false;
  };

  time_ns now() const noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(weft::detail::now(pool_.core()).time_since_epoch())
        .count();
  }

  static task<> accept_all(std::shared_ptr<hub_state> self, std::shared_ptr<listener> from) {
    try {
      for (;;) {
        while (!co_await self->take_place()) self->make_room();
        place p(self);
        std::unique_ptr<stream> s = co_await from->accept();
        p.begin();
        self->pool_.spawn(self->greet(std::move(p), std::move(s)));
      }
    } catch (const transport_error&) {  // the listener is closed
    } catch (const cancelled&) {}
  }

  /// False: none has become free for a while.
  task<bool> take_place() {
    try {
      co_await timeout(options_.greet_crowded / 4, greeting_.acquire());
    } catch (const timed_out&) { co_return false; }
    co_return true;
  }

  /// All places are taken: who has had one for long has said nothing yet, and leaves.
  void make_room() {
    std::vector<std::shared_ptr<greeting_peer>> leave;
    {
      std::lock_guard guard(mutex_);
      const time_ns latest = now() - options_.greet_crowded.count();
      for (const auto& g : greetings_) {
        if (g->began > latest) break;
        if (!std::exchange(g->crowded_out, true)) leave.push_back(g);
      }
    }
    for (const auto& g : leave) g->stop.request_stop();
  }

  task<> greet(place p, std::unique_ptr<stream> s) {
    std::string why;
    const std::string peer = s->peer();
    const std::shared_ptr<greeting_peer> self = *p.at;
    try {
      co_await with_stop(self->stop, with_stop(stop_, timeout(options_.greet_within, greet_peer(std::move(s)))));
      co_return;
    } catch (const timed_out&) { why = peer + " has not said hello in time"; } catch (const cancelled&) {
      std::lock_guard guard(mutex_);
      why = peer +
            (self->crowded_out ? " has not said hello while others waited" : " was greeting when the hub was closed");
    } catch (const std::exception& e) { why = e.what(); }
    std::lock_guard guard(mutex_);
    ++failures_;
    last_failure_ = std::move(why);
  }

  /// Tells the peer, and fails.
  static task<> turn_away(stream& s, refusal code, std::string reason) {
    refuse r{};
    r.code = static_cast<std::uint32_t>(code);
    r.reason = reason;
    std::vector<std::byte> payload = encode(r);
    co_await send_greeting(s, frame_kind::refuse, std::move(payload));
    co_await s.shutdown();
    // Closed with something unread, it would be reset, and the peer not read why.
    std::byte away[4096];
    for (int i = 0; i < 64; ++i)
      if (co_await s.read_some(away) == 0) break;
    throw transport_error(s.peer() + " is refused: " + reason, std::make_error_code(std::errc::connection_refused));
  }

  task<> greet_peer(std::unique_ptr<stream> s) {
    co_await s->handshake();
    auto a = std::make_unique<peer_link::arrival>();
    a->connection = std::make_unique<framed_stream>(std::move(s), options_.link.session.frames);
    stream& to = a->connection->bytes();
    std::vector<std::byte> payload;
    std::string wrong;
    hello h{};
    try {
      payload = co_await hear_hello(*a->connection);
      h = decode_hello(payload);
    } catch (const protocol_error& e) { wrong = e.what(); }
    if (!wrong.empty()) {
      co_await turn_away(to, refusal::version,
                         to.peer() +
                             " does not speak weft's protocol, or speaks TLS where plain "
                             "TCP is spoken: " +
                             wrong);
    }
    a->received = h.received;
    a->agreed = negotiate(known_versions, capability::all, {h.lowest, h.highest}, h.capabilities);
    if (a->agreed.version == 0) co_await turn_away(to, refusal::version, a->agreed.refused);
    link_peer who;
    who.says.role = peer_role{h.role};
    who.says.name.assign(h.name.begin(), h.name.end());
    who.says.address.assign(h.address.begin(), h.address.end());
    who.says.resources.assign(h.resources.begin(), h.resources.end());
    who.says.build_id.assign(h.build_id.begin(), h.build_id.end());
    who.says.token.assign(h.token.begin(), h.token.end());
    who.says.incarnation = h.incarnation;
    who.says.memory_limit = h.memory_limit;
    who.says.slots = h.slots;
    who.address = to.peer();
    who.here = to.local();
    who.capabilities = a->agreed.capabilities;
    if (const std::string other = belongs_to_another(to, who_); !other.empty())
      co_await turn_away(to, refusal::identity, other);
    if (to.certificate()) who.certificate = *to.certificate();
    if (who.certificate) {
      std::string other_role;
      try {
        // A tool shows the certificate of the client that uses it.
        const peer_role wanted[] = {who.says.role, peer_role::client};
        expect_role(*who.certificate, std::span(wanted, who.says.role == peer_role::tool ? 2 : 1));
      } catch (const bad_certificate& e) { other_role = e.what(); }
      if (!other_role.empty()) co_await turn_away(to, refusal::identity, other_role);
    }
    if (h.session != 0) {
      const std::shared_ptr<peer_link> l = find(h.session, who);
      if (!l || !l->arrive(a))
        co_await turn_away(to, refusal::session, "the session to resume is not known here (any more)");
      co_return;
    }
    admission yes = handler_->admit(who);
    if (!yes.handler) co_await turn_away(to, yes.code, yes.reason);
    std::shared_ptr<peer_link> l(new peer_link(pool_, options_.link, std::move(yes.handler)));
    l->own_ = own_;
    who.id = yes.peer;
    l->peer_ = std::move(who);
    l->forget_ = &hub_state::forget;
    l->hub_ = shared_from_this();
    const bool room = enter(l);
    if (!room)
      co_await turn_away(
          to, refusal::full,
          "there are " + std::to_string(options_.most_sessions) + " sessions already (hub_options::most_sessions)");
    handler_->begun(l);
    l->arrive(a);
    pool_.spawn(l->run_listening(l), priority::interactive);
  }

  bool enter(const std::shared_ptr<peer_link>& l) {
    std::lock_guard guard(mutex_);
    if (sessions_.size() >= options_.most_sessions) return false;
    std::uint64_t id = 0;
    while (id == 0 || sessions_.count(id))
      if (RAND_bytes(reinterpret_cast<unsigned char*>(&id), sizeof id) != 1) throw_openssl("random numbers");
    l->session_id_ = id;
    sessions_.emplace(id, l);
    return true;
  }

  std::shared_ptr<peer_link> find(std::uint64_t session, const link_peer& who) {
    std::lock_guard guard(mutex_);
    const auto at = sessions_.find(session);
    if (at == sessions_.end()) return nullptr;
    return is_same_peer(at->second->peer_, who) ? at->second : nullptr;
  }

  pool& pool_;
  const security who_;
  const greeting own_;
  const hub_options options_;
  const std::shared_ptr<hub_handler> handler_;
  semaphore greeting_;
  stop_source stop_;

  std::mutex mutex_;
  std::list<std::shared_ptr<greeting_peer>> greetings_;  // the oldest first
  bool closed_ = false;
  std::vector<std::shared_ptr<listener>> listeners_;
  std::unordered_map<std::uint64_t, std::shared_ptr<peer_link>> sessions_;
  std::size_t failures_ = 0;
  std::string last_failure_;
};

hub::hub(pool& p, security who, greeting own, hub_options options, std::shared_ptr<hub_handler> handler)
    : state_(std::make_shared<hub_state>(p, std::move(who), std::move(own), std::move(options), std::move(handler))) {
}
hub::~hub() { close(); }
address hub::listen(const address& a) { return state_->listen(a); }
void hub::close() { state_->close(); }
std::size_t hub::failures() const { return state_->failures(); }
std::string hub::last_failure() const { return state_->last_failure(); }

}  // namespace weft::net
