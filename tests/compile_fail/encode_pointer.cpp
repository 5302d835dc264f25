// expect: weft: this type cannot be encoded: hold values in plain aggregates of up to 64 fields
#include <weft/codec.hpp>
struct node {
  int value;
  node* next;
};
void f(weft::encoder& e, const node& n) {
  weft::encode(e, n);  // wrong
  weft::encode(e, n.value);
}
