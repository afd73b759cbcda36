import ApusBase

extension ByteWriter {
  /// Appends a text after its length in 32 bits.
  mutating func writeCounted32(_ text: String) {
    write(Int32(truncatingIfNeeded: text.utf8.count))
    write(utf8: text)
  }

  /// Appends a text after its length in 16 bits, which must hold it.
  mutating func writeCounted16(_ text: String) {
    precondition(text.utf8.count <= Int16.max, "a field name of more than 32,767 bytes")
    write(Int16(truncatingIfNeeded: text.utf8.count))
    write(utf8: text)
  }
}
