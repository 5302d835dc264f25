/// Not a test: what a batch costs beside the copying of its messages. Run with [.times].
#include <chrono>
#include <cstdio>

#include "wire/messages.hpp"
#include "wire/session_pair.hpp"

using namespace weft::net;

namespace {

double nanoseconds(auto f, std::size_t times) {
  double best = 1e300;
  for (int round = 0; round < 5; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < times; ++i) f();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    best = std::min(best, took.count() / static_cast<double>(times));
  }
  return best;
}

/// The pieces of a write as the receiver finds them: whole frames, and the bytes of the payload where they were.
void carry(const frame_output& o, session& to) {
  const auto pieces = o.pieces();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    frame_header h;
    std::memcpy(&h, pieces[i].data(), sizeof h);
    check_header(h, frame_stage::session, {});
    const auto payload = h.payload_bytes ? pieces[++i] : std::span<const std::byte>();
    if (h.flags & frame_checksummed && frame_checksum(h, payload) != h.checksum) FAIL("a checksum");
    to.read(h, payload);
  }
}

}  // namespace

TEST_CASE("what a batch costs", "[.times]") {
  for (const bool far : {false, true})
    for (const std::size_t messages : std::initializer_list<std::size_t>{1, 10, 1000}) {
      session a, b;
      a.connected(0, {.between_hosts = far});
      b.connected(0, {.between_hosts = far});
      frame_output o;
      const std::size_t times = 2'000'000 / (messages + 1);
      done_task m{};
      const double adding = nanoseconds(
          [&, w = batch_writer()]() mutable {
            for (std::size_t i = 0; i < messages; ++i) m.id = i, w.add(m);
            w.clear();
          },
          times);
      const double all = nanoseconds(
          [&] {
            for (std::size_t i = 0; i < messages; ++i) m.id = i, a.out().add(m);
            o.clear();
            a.write(o);
            carry(o, b);
            a.wrote();
            if (!b.has_output()) return;
            o.clear();
            b.write(o);
            carry(o, a);
            b.wrote();
          },
          times);
      std::printf("%s: a batch of %4zu messages: %7.1f ns from write to delivery, beside %8.1f ns of adding\n",
                  far ? "checksums" : "local    ", messages, all - adding, adding);
    }
}

TEST_CASE("what the codec takes in", "[.times]") {
  weft::test::random_numbers r(1);
  const auto rate = [&](const char* what, std::size_t letters, std::size_t bytes) {
    std::vector<std::byte> payload(bytes);
    for (auto& b : payload) b = static_cast<std::byte>(r.below(letters));
    link_compressor c({.policy = compression_policy::always}, {});
    c.connected({.between_hosts = true, .encrypted = false, .compresses = true});
    std::unique_ptr<std::byte[]> to;
    std::size_t small = 0;
    const double took = nanoseconds([&] { small = c.compress(payload, to).size(); }, 20);
    std::printf("%s, %zu KiB: %.0f MB a second, shrinks by %.1f\n", what, bytes >> 10,
                static_cast<double>(bytes) * 1e3 / took, static_cast<double>(bytes) / static_cast<double>(small));
  };
  for (const std::size_t bytes : {std::size_t{16} << 10, std::size_t{1} << 20}) {
    rate("letters of four", 4, bytes);
    rate("letters of sixty-four", 64, bytes);
  }
}
