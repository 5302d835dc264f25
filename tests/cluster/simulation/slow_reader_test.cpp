// What waits for a peer that reads slowly, or not at all, is bounded: two sessions over the simulated network.
#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <vector>

#include "transport/simulated_network.hpp"
#include "wire/session.hpp"
#include "wire/session_pair.hpp"

namespace weft::net {
namespace {

using Catch::Matchers::Contains;
constexpr time_ns ms = 1'000'000;

/// A process with one session, which says something every 10 ms.
class talker final : public simulated_host, public simulated_time::target {
 public:
  talker(simulated_time& t, simulated_network& n, const session_options& o)
      : talk(o), time_(t), net_(n), limits_(o.frames), parser_(limits_, frame_stage::session) {}

  /// `bytes` of a message, whatever waits.
  void say(std::size_t bytes) {
    weft::test::numbered m{};
    m.number = ++said;
    const std::vector<std::byte> content(bytes);
    m.bytes = content;
    talk.out().add(m);
    most_unsent = std::max(most_unsent, talk.unsent_bytes());
  }

  void accepted(simulated_end end, simulated_node) override { begin(end); }
  void connected(simulated_end end) override { begin(end); }
  void readable(simulated_end) override {
    if (!reads) return;
    std::span<const std::byte> in = net_.available(end_);
    const std::size_t size = in.size();
    talk.heard();  // though no frame may be whole yet
    while (!in.empty())
      if (parser_.feed(in) == frame_parser::step::frame) take(talk.read(parser_.header(), parser_.payload()));
    net_.consume(end_, size);
    write();
  }
  void writable(simulated_end) override { write(); }
  void broken(simulated_end) override { FAIL("a connection that nobody cut has broken"); }
  void fire(std::uint8_t, std::uint64_t) override {
    talk.tick(time_.now());
    if (!talk.ended().empty() || talk.silent()) return;
    on_time(*this);
    write();
    time_.at(time_.now() + 10 * ms, *this, 0);
  }

  session talk;
  std::function<void(talker&)> on_time = [](talker&) {};
  bool reads = true;
  std::uint64_t said = 0, heard = 0;
  std::size_t most_unsent = 0;

 private:
  void begin(simulated_end end) {
    end_ = end;
    talk.connected(0, {});
    fire(0, 0);
  }
  void take(const incoming& got) {
    if (got.kind != incoming::what::batch) return;
    batch_reader reader(got.bytes);
    std::uint16_t kind = 0;
    while (reader.next(kind)) {
      REQUIRE(reader.get<weft::test::numbered>().number == heard + 1);
      ++heard;
    }
  }
  void write() {
    for (;;) {
      if (output_.frames() != 0) {
        sent_ += net_.send(end_, output_.pieces(), sent_);
        if (sent_ < output_.bytes()) return;
        output_.clear();
        sent_ = 0;
        talk.wrote();
      }
      if (!talk.has_output()) return;
      talk.write(output_);
    }
  }

  simulated_time& time_;
  simulated_network& net_;
  frame_limits limits_;
  frame_parser parser_;
  frame_output output_;
  std::size_t sent_ = 0;
  simulated_end end_ = 0;
};

struct two_talkers {
  explicit two_talkers(const session_options& o) : net(time, 1), writer(time, net, o), reader(time, net, o) {
    const simulated_node here = net.add_node();
    there = net.add_node();
    net.listen(there, &reader);
    net.connect(here, writer, there);
  }
  simulated_time time;
  simulated_network net;
  talker writer, reader;
  simulated_node there = 0;
};

session_options small() {
  session_options o;
  o.compression.policy = compression_policy::off;
  o.window_bytes = 100'000;
  o.full_bytes = 100'000;
  o.held_bytes = 1'000'000;
  o.most_bytes = 10'000'000;
  o.unread_after = 3000 * ms;
  return o;
}

}  // namespace

TEST_CASE("what can wait holds back for a slow reader, and what cannot goes on", "[slow]") {
  two_talkers t(small());
  t.net.slow_reader(t.there, 5000, 10 * ms);
  constexpr std::uint64_t values = 500;
  std::uint64_t sent = 0;
  t.writer.on_time = [&](talker& w) {
    w.say(8);
    for (; sent < values && !w.talk.full(); ++sent) w.say(10'000);
  };
  while (t.time.now() < 60'000 * ms && (sent < values || t.reader.heard < t.writer.said - 20)) REQUIRE(t.time.step());
  CHECK(t.writer.talk.ended() == "");
  CHECK(sent == values);
  CHECK(t.reader.heard >= t.writer.said - 20);
  CHECK(t.time.now() > 9000 * ms);  // it was slow
  // One value more than the limit, and the words between two of its readings.
  CHECK(t.writer.most_unsent < 150'000);
}

TEST_CASE("a peer that talks and does not read is lost in the end", "[slow]") {
  two_talkers t(small());
  t.reader.reads = false;
  t.writer.on_time = [](talker& w) { w.say(10'000); };
  t.reader.on_time = [](talker& r) { r.say(8); };
  while (t.writer.talk.ended().empty()) REQUIRE(t.time.step());
  CHECK_FALSE(t.writer.talk.silent());
  CHECK_THAT(t.writer.talk.ended(), Contains("bytes wait for a peer that has read nothing for 3") &&
                                        Contains("1000000 are held (session_options::held_bytes)"));
  // A megabyte came together in one second, and then it had three.
  CHECK(t.time.now() < 4500 * ms);
  CHECK(t.writer.heard > 100);
}

TEST_CASE("a peer that reads more slowly than it is written to is lost at the last limit", "[slow]") {
  session_options o = small();
  o.unread_after = 60'000 * ms;  // a batch may take long to be read
  two_talkers t(o);
  t.net.slow_reader(t.there, 1000, 10 * ms);
  t.writer.on_time = [](talker& w) { w.say(10'000); };
  t.reader.on_time = [](talker& r) { r.say(8); };
  while (t.writer.talk.ended().empty()) REQUIRE(t.time.step());
  CHECK_THAT(t.writer.talk.ended(), Contains("reads more slowly than it is written to; at most 10000000 are held"));
  CHECK(t.writer.most_unsent < 10'100'000);
  CHECK(t.reader.heard > 0);
}

}  // namespace weft::net
