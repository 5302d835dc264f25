// An Asio server that computes on weft: it echoes each line with its checksum, gives each request a deadline, and
// answers at once while a batch job fills every core, because requests are interactive and the job is not.
//
//   echo_server [PORT]     serves until Ctrl-C
//   echo_server --demo     talks to itself under a batch load, prints the slowest answer, and ends
#include <algorithm>
#include <asio/buffer.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "weft/asio.hpp"
#include "weft/weft.hpp"

using asio::ip::tcp;
using namespace std::chrono_literals;

// What a request costs: about 100 us of work.
weft::task<std::uint32_t> checksum(std::string line) {
  std::uint32_t sum = 2166136261u;  // FNV-1a
  for (int round = 0; round < 1000; ++round) {
    for (const char c : line) sum = (sum ^ static_cast<unsigned char>(c)) * 16777619u;
    if (round % 100 == 99) co_await weft::checkpoint();  // here a deadline takes effect
  }
  co_return sum;
}

weft::task<std::string> answer(std::string line) {
  std::string sum;
  try {
    sum = std::to_string(co_await weft::timeout(50ms, checksum(line)));
  } catch (const weft::timed_out&) { sum = "too late"; }
  co_return line + ' ' + sum + '\n';
}

weft::task<> session(tcp::socket socket) {
  std::string buffer;
  try {
    for (;;) {
      const std::size_t n =
          co_await asio::async_read_until(socket, asio::dynamic_buffer(buffer, 4096), '\n', weft::use_task);
      const std::string reply = co_await answer(buffer.substr(0, n - 1));
      buffer.erase(0, n);
      co_await asio::async_write(socket, asio::buffer(reply), weft::use_task);
    }
  } catch (const std::system_error& e) {
    if (e.code() != asio::error::eof) std::cerr << "session: " << e.what() << '\n';
  }
}

// Each session is a task of the nursery: when the server is stopped they are, and it waits for them.
weft::task<> serve(weft::nursery& sessions, tcp::acceptor& acceptor) {
  for (;;) sessions.spawn(session(co_await acceptor.async_accept(weft::use_task)));
}

weft::task<> batch_job() {
  for (;;) co_await checksum("a line of the batch");
}

weft::task<int> client(tcp::acceptor& server) {
  using clock = std::chrono::steady_clock;
  tcp::socket socket(server.get_executor());
  co_await socket.async_connect(server.local_endpoint(), weft::use_task);
  clock::duration slowest{};
  for (int i = 0; i < 200; ++i) {
    const std::string request = "line " + std::to_string(i) + '\n';
    std::string reply;
    const auto begin = clock::now();
    co_await asio::async_write(socket, asio::buffer(request), weft::use_task);
    co_await asio::async_read_until(socket, asio::dynamic_buffer(reply), '\n', weft::use_task);
    slowest = std::max(slowest, clock::now() - begin);
    if (reply.rfind("line " + std::to_string(i) + ' ', 0) != 0) co_return 1;
  }
  std::printf("200 requests beside a batch job on every core; the slowest took %.1f ms\n",
              std::chrono::duration<double, std::milli>(slowest).count());
  co_return 0;
}

weft::task<int> listen(tcp::acceptor& acceptor) {
  co_await weft::scope(serve, std::ref(acceptor));
  co_return 0;
}

int main(int argc, char** argv) {
  try {
    const std::string argument = argc > 1 ? argv[1] : "7007";
    const bool demo = argument == "--demo";
    char* end = nullptr;
    const unsigned long port = demo ? 0 : std::strtoul(argument.c_str(), &end, 10);
    if (argc > 2 || port > 65535 || (!demo && *end)) {
      std::cerr << "usage: echo_server [PORT | --demo]\n";
      return 2;
    }
    weft::pool pool;
    const weft::pool_executor executor(pool, weft::priority::interactive);
    tcp::acceptor acceptor(executor, {asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port)});
    if (demo) {
      for (unsigned i = 0; i < pool.size(); ++i) pool.spawn(batch_job(), weft::priority::batch);
      auto race = [](tcp::acceptor& a) -> weft::task<int> {
        co_return (co_await weft::any(listen(a), client(a))).value;
      };
      const int result = pool.run(race(acceptor), weft::priority::interactive);
      pool.cancel();
      return result;
    }
    std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
    weft::stop_on_interrupt guard(pool);
    return pool.run(listen(acceptor), weft::priority::interactive);
  } catch (const weft::cancelled&) { return 130; } catch (const std::exception& e) {
    std::cerr << "echo_server: " << e.what() << '\n';
    return 1;
  }
}
