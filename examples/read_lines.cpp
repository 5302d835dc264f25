// A stream that reads a file: it is read ahead while its lines are looked at, and no thread waits for the disk.
//
//   read_lines FILE     counts its lines and its words, and shows the longest line
#include <cstddef>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "weft/weft.hpp"

// What the file holds, in pieces. The file is read only as far as the consumer asks.
weft::stream<std::string> pieces(std::string path) {
  weft::file file = co_await weft::file::open(path);
  std::vector<std::byte> buffer(64 << 10);
  for (std::uint64_t at = 0;;) {
    const std::size_t n = co_await file.read_at(at, buffer);
    if (n == 0) co_return;
    at += n;
    co_yield std::string(reinterpret_cast<const char*>(buffer.data()), n);
  }
}

// Its lines, without their ends; the last may have none.
weft::stream<std::string> lines(weft::stream<std::string> source) {
  std::string rest;
  while (auto piece = co_await source.next()) {
    rest += *piece;
    std::size_t begin = 0;
    for (std::size_t end; (end = rest.find('\n', begin)) != std::string::npos; begin = end + 1)
      co_yield rest.substr(begin, end - begin);
    rest.erase(0, begin);
  }
  if (!rest.empty()) co_yield std::move(rest);
}

std::size_t words_in(std::string_view line) {
  std::size_t words = 0;
  bool inside = false;
  for (const char c : line) {
    const bool letter = c != ' ' && c != '\t';
    words += letter && !inside ? 1u : 0u;
    inside = letter;
  }
  return words;
}

weft::task<> count(std::string path) {
  std::size_t total = 0, words = 0;
  std::string longest;
  auto all = lines(pieces(std::move(path)) | weft::buffered(4));  // up to four pieces are read ahead
  while (auto line = co_await all.next()) {
    ++total;
    words += words_in(*line);
    if (line->size() > longest.size()) longest = std::move(*line);
  }
  std::printf("%zu lines, %zu words; the longest has %zu characters: %.60s\n", total, words, longest.size(),
              longest.c_str());
}

int main(int argc, char** argv) {
  if (argc != 2 || argv[1][0] == '-') {
    std::fprintf(stderr, "usage: read_lines FILE\n");
    return 2;
  }
  try {
    weft::run(count(argv[1]));
  } catch (const weft::cancelled&) { return 130; } catch (const std::exception& e) {
    std::fprintf(stderr, "read_lines: %s\n", e.what());
    return 1;
  }
}
