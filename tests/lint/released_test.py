"""Each way to break a client is found, and each that breaks none is let pass."""
import tempfile
import unittest
from pathlib import Path

import released

RELEASED = """
syntax = "proto3";
package p;
service S {
  rpc Get(A) returns (B);
  rpc Watch(A) returns (stream B);
}
message A {
  reserved 7;
  string name = 1;
  optional uint32 count = 2;
  repeated B all = 3;
  oneof kind {
    bool one = 4;
    bool two = 5;
  }
  E e = 6;
  message Inner { bool x = 1; }
}
message B {}
enum E {
  NONE = 0;
  FIRST = 1;
}
"""


def lines(text):
    with tempfile.TemporaryDirectory() as root:
        Path(root, "p.proto").write_text(text)
        return released.lines(released.compiled(root, "p.proto"))


class Released(unittest.TestCase):
    def found(self, *changes):
        text = RELEASED
        for old, new in changes:
            self.assertIn(old, text)
            text = text.replace(old, new)
        return list(released.breaks(lines(RELEASED), lines(text)))

    def breaks(self, says, *changes):
        found = self.found(*changes)
        self.assertEqual(len(found), 1, found)
        self.assertIn(says, found[0])

    def test_the_same(self):
        self.assertEqual(self.found(), [])

    def test_what_is_added(self):
        self.assertEqual(self.found(
            ("string name = 1;", "string name = 1; string more = 9; message New {}"),
            ("rpc Get", "rpc Put(A) returns (B); rpc Get"),
            ("FIRST = 1;", "FIRST = 1; SECOND = 2;"),
            ("message B {}", "message B { bool b = 1; } message C {} service T {}")), [])

    def test_a_comment_or_another_order(self):
        self.assertEqual(self.found(("string name = 1;", ""), ("E e = 6;", "// it\n  E e = 6;\n  string name = 1;")), [])

    def test_a_field_is_removed(self):
        self.breaks(".p.A 1 name string: is gone", ("string name = 1;", ""))

    def test_a_field_is_removed_and_only_its_number_reserved(self):
        self.breaks("is gone", ("string name = 1;", "reserved 1;"))

    def test_a_field_is_removed_and_only_its_name_reserved(self):
        self.breaks("is gone", ("string name = 1;", 'reserved "name";'))

    def test_a_field_is_removed_and_reserved(self):
        self.assertEqual(self.found(("string name = 1;", 'reserved 1; reserved "name";')), [])

    def test_a_field_is_renumbered(self):
        self.breaks("is gone", ("string name = 1;", "string name = 8;"))

    def test_a_field_is_renamed(self):
        self.breaks("is .p.A 1 title string", ("string name = 1;", "string title = 1;"))

    def test_a_number_is_taken_by_another(self):
        self.breaks("is .p.A 1 size uint64", ("string name = 1;", "uint64 size = 1;"))

    def test_a_name_is_taken_by_another(self):
        self.breaks("is gone", ("string name = 1;", "reserved 1; uint64 name = 8;"))

    def test_a_field_has_another_type(self):
        for new in ("bytes", "repeated string", "optional string", "B"):
            self.breaks(f"is .p.A 1 name {new.replace('B', '.p.B')}", ("string name = 1;", f"{new} name = 1;"))

    def test_a_field_loses_its_presence(self):
        self.breaks("is .p.A 2 count uint32", ("optional uint32 count", "uint32 count"))

    def test_a_field_is_not_repeated_any_more(self):
        self.breaks("is .p.A 3 all .p.B", ("repeated B all", "B all"))

    def test_a_field_leaves_its_oneof(self):
        self.breaks("is .p.A 5 two bool", ("bool two = 5;\n  }", "}\n  bool two = 5;"))

    def test_a_field_joins_a_oneof(self):
        self.breaks("is .p.A 1 name string of kind", ("string name = 1;", ""), ("bool two", "string name = 1; bool two"))

    def test_a_reservation_is_lifted(self):
        self.breaks(".p.A reserved 7: is gone", ("reserved 7;", ""))

    def test_a_reserved_number_is_used(self):
        self.breaks(".p.A reserved 7: is gone", ("reserved 7;", "bool seven = 7;"))

    def test_a_message_is_removed(self):
        self.assertEqual(len(self.found(("message Inner { bool x = 1; }", ""))), 2)

    def test_a_value_is_removed(self):
        self.breaks(".p.E 1 FIRST: is gone", ("FIRST = 1;", ""))

    def test_a_value_is_renamed(self):
        self.breaks("is .p.E 1 ONE", ("FIRST = 1;", "ONE = 1;"))

    def test_a_value_is_removed_and_reserved(self):
        self.assertEqual(self.found(("FIRST = 1;", 'reserved 1; reserved "FIRST";')), [])

    def test_a_method_is_removed(self):
        self.breaks(".p.S/Get .p.A returns .p.B: is gone", ("rpc Get(A) returns (B);", ""))

    def test_a_method_is_renamed(self):
        self.breaks(".p.S/Get .p.A returns .p.B: is gone", ("rpc Get", "rpc Fetch"))

    def test_a_method_takes_or_gives_another_message(self):
        self.breaks("is .p.S/Get .p.B returns .p.B", ("Get(A)", "Get(B)"))
        self.breaks("is .p.S/Get .p.A returns .p.A", ("Get(A) returns (B)", "Get(A) returns (A)"))

    def test_a_method_streams_or_does_not_any_more(self):
        self.breaks("is .p.S/Get stream .p.A returns .p.B", ("Get(A)", "Get(stream A)"))
        self.breaks("is .p.S/Watch .p.A returns .p.B", ("returns (stream B)", "returns (B)"))

    def test_a_service_is_removed(self):
        self.assertEqual(len(self.found(("service S", "service Other"))), 3)


if __name__ == "__main__":
    unittest.main()
