// The sending half of a link.
#include <algorithm>
#include <stdexcept>
#include <utility>

#include "transport/link_state.hpp"
#include "weft/errors.hpp"
#include "weft/sleep.hpp"
#include "weft/timeout.hpp"

namespace weft::net {

bool peer_link::outbound::skip(std::vector<std::shared_ptr<const void>>& finished) {
  while (!values.empty()) {
    value& v = values.front();
    while (attachment < v.attachments.size() && done == v.attachments[attachment].size()) ++attachment, done = 0;
    if (attachment < v.attachments.size()) return true;
    finished.push_back(std::move(v.keep));
    values.pop_front();
    attachment = done = 0;
    offset = 0;
  }
  return false;
}

buffer peer_link::outbound::next(std::size_t most) const noexcept {
  const buffer rest = values.front().attachments[attachment].subspan(done);
  return rest.first(std::min(most, rest.size()));
}

bool peer_link::send_value(const value_header& header, std::vector<buffer> attachments,
                           std::shared_ptr<const void> keep) {
  std::unique_lock guard(mutex_);
  if (over_ || closing_) return false;
  session_.out().add(header);
  std::size_t bytes = 0;
  for (const buffer b : attachments) bytes += b.size();
  // After a break the header alone goes: the peer, who was interrupted, does not wait for it any more.
  if (!interrupted_ && bytes != 0) {
    auto at =
        std::find_if(streams_.begin(), streams_.end(), [&](const outbound& o) { return o.stream == header.request; });
    if (at == streams_.end()) {
      at = streams_.emplace(streams_.end());
      at->stream = header.request;
    }
    at->values.push_back({std::move(attachments), std::move(keep)});
  }
  wake(guard);
  return true;
}

/// What is being written may be a part of it: its owners go behind that, like those of what has been sent.
void peer_link::drop_stream(std::uint64_t stream) {
  const auto at =
      std::find_if(streams_.begin(), streams_.end(), [&](const outbound& o) { return o.stream == stream; });
  if (at == streams_.end()) return;
  for (outbound::value& v : at->values) owners_.push_back(std::move(v.keep));
  streams_.erase(at);
  work_.set();
}

/// Something was gathered: starts the writer if nobody writes. May let go of the lock.
void peer_link::wake(std::unique_lock<std::mutex>& guard) {
  if (!stream_) {
    session_.tick(now());
    if (session_.ended().empty() || closing_) return;
    closing_ = true;  // too much waits for a connection
    why_ = session_.ended();
    ending_.request_stop();
    return;
  }
  look_at_time();
  const bool on_the_pool = weft::detail::current_pool() == &pool_.core();
  // The link's task has not begun with what it was left: a sender that leaves it no turn, on a pool of one thread,
  // goes on with that himself.
  const bool goes_on = handed_ && on_the_pool;
  if (writing_ && !goes_on) return;
  // Streams are the task's: a sender would be kept.
  if (goes_on || (streams_.empty() && on_the_pool))
    write_at_once(guard);
  else
    work_.set();
}

void peer_link::look_at_time() {
  if (!stream_ || std::min(session_.deadline(), close_by_) >= tick_at_) return;
  tick_at_ = 0;  // it is told
  tick_.set();
}

/// Makes the next output: what the session has to say, and then chunks, once all messages have gone before them.
/// False: there is none.
bool peer_link::fill() {
  output_.clear();
  if (!session_.ended().empty()) throw std::runtime_error(session_.ended());
  if (closing_ && streams_.empty()) session_.close(bye_, why_);
  if (session_.has_output()) session_.write(output_);
  if (session_.unsent_bytes() == 0 && !session_.closed()) {
    const std::size_t chunk = options_.session.frames.chunk;
    std::size_t room = output_.frames() ? std::min(options_.shared_chunk, chunk) : chunk;
    bool goes_on = false;  // the first stream has had its turn, and has more
    while (room != 0 && !output_.full() && !streams_.empty()) {
      outbound& o = streams_.front();
      if (o.skip(owners_)) {
        const buffer b = o.next(room);
        session_.write_chunk(output_, o.stream, o.offset, b);
        o.advance(b.size());
        room -= b.size();
      }
      // Also when there is no more room: whoever owns what has been sent is not to wait for the next output.
      goes_on = o.skip(owners_);
      if (!goes_on) streams_.pop_front();
    }
    // The streams take turns, a chunk each.
    if (goes_on) streams_.splice(streams_.end(), streams_, streams_.begin());
  }
  return output_.frames() != 0;
}

void peer_link::written(std::size_t bytes, time_ns waited) {
  session_.wrote(bytes, waited);
  if (waited > 0) session_.heard();  // it has taken some meanwhile: else the kernel here would not have taken all
  writing_ = false;
  tell_room();
}

/// Owners of what has been sent are left to the task: a sender may have locks that their ends take too.
void peer_link::write_at_once(std::unique_lock<std::mutex>& guard) {
  try {
    while (stream_ && (handed_ || (!writing_ && fill()))) {
      gather rest = std::exchange(handed_, false) ? rest_ : gather(output_.pieces());
      writing_ = direct_ = true;
      stream& to = *stream_;  // stays while direct_ is set
      guard.unlock();
      const attempt a = to.try_write(rest);
      rest.advance(a.bytes);
      guard.lock();
      direct_ = false;
      if (!stream_) return direct_done_.set();
      if (a.error || a.would_block || !rest.empty()) {
        rest_ = rest;
        handed_ = true;
        return work_.set();
      }
      written(output_.bytes(), 0);
      if (!streams_.empty() || !owners_.empty() || session_.closed()) return work_.set();
    }
  } catch (const std::exception&) {
    // A message is too large, or memory is short: not the sender's fault alone, and the end of the session.
    failure_ = std::current_exception();
    work_.set();
  }
}

task<> peer_link::write_loop(framed_stream& to) {
  std::vector<std::shared_ptr<const void>> released;
  for (;;) {
    co_await work_.wait();
    for (;;) {
      gather rest;
      {
        std::lock_guard guard(mutex_);
        if (failure_) std::rethrow_exception(failure_);
        if (std::exchange(handed_, false)) {
          rest = rest_;
        } else if (writing_ || !fill()) {
          if (!writing_) std::swap(released, owners_);
          if (!writing_ && session_.closed()) break;
          work_.reset();
          rest = gather();
        } else {
          writing_ = true;
          rest = gather(output_.pieces());
        }
        if (!writing_ || direct_) break;
      }
      const std::size_t bytes = output_.bytes();
      // What the kernel takes at once says nothing of the link.
      const time_ns begin = now();
      const attempt at_once = to.bytes().try_write(rest);
      if (at_once.error) to.bytes().fail(at_once.error, "writing");
      rest.advance(at_once.bytes);
      const bool waits = at_once.would_block || !rest.empty();
      if (waits) co_await to.bytes().write(rest);
      const time_ns took = waits ? now() - begin : 0;
      {
        std::lock_guard guard(mutex_);
        written(bytes, took);
        std::swap(released, owners_);
        look_at_time();
      }
      released.clear();
    }
    released.clear();
    bool said_bye = false;
    {
      std::lock_guard guard(mutex_);
      said_bye = session_.closed() && !writing_;
    }
    if (said_bye) {
      // The peer hangs up when it has heard it, which ends the reader; a connection that is closed before, with
      // something unread, could take the bye with it.
      co_await to.bytes().shutdown();
      co_await sleep_for(std::chrono::seconds(1));
      std::string why;
      {
        std::lock_guard guard(mutex_);
        why = why_;
      }
      throw session_over{why, true};
    }
  }
}

}  // namespace weft::net
