import ApusBase
import Testing

@Suite struct PropertiesTextTests {
  private func set(_ entries: [(String, String)], in text: String) throws -> String {
    var edited = try PropertiesText(Array(text.utf8))
    try edited.set(entries.map { PropertiesFile.Entry($0.0, $0.1) })
    return String(decoding: edited.bytes, as: UTF8.self)
  }

  @Test(arguments: [
    ("# why\nb = 2\n\na=1\n", "# why\nb=3\n\na=1\n"),
    ("a=1", "a=1\nb=3\n"),
    ("", "b=3\n"),
    ("b=1\na=1\nb=2\n", "b=1\na=1\nb=3\n"),
    ("  b : 1,\\\n   2\r\n! end", "  b=3\r\n! end"),
    ("#b=1\n", "#b=1\nb=3\n"),
    ("b=3 \\\n\n", "b=3\n"),
    ("\u{FEFF}b=1\n", "\u{FEFF}b=3\n"),
    ("\u{FEFF}", "\u{FEFF}\nb=3\n"),
    ("b  3\n", "b  3\n"),
    ("a=x\\", "a=x\\\n\nb=3\n"),
    ("a=x\\\n", "a=x\\\n\n\nb=3\n"),
    ("a=x\\\r", "a=x\\\r\n\nb=3\n"),
  ])
  func `sets a key and leaves the rest as it was written`(_ text: String, _ expected: String) throws {
    #expect(try set([("b", "3")], in: text) == expected)
  }

  @Test func `keys are set where they stand and new ones are added in their order`() throws {
    let text = "# 1\nz=0\n# 2\na=0\n"
    #expect(
      try set([("a", "1"), ("n", "x y"), ("z", "1"), ("m", "="), ("a", "2")], in: text) == """
        # 1
        z=1
        # 2
        a=2
        n=x y
        m=\\=

        """)
  }

  @Test func `what cannot be read is refused`() {
    #expect(throws: DecodeError.self) { try PropertiesText(Array("a=\\u12".utf8)) }
  }

  @Test func `reads as the file with the same keys set, whatever the text`() throws {
    let pieces = ["a", "b", "=", ":", " ", "\\", "\n", "\r", "#", "!", "\t", "x"]
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<5_000 {
      let length = Int.random(in: 0...12, using: &generator)
      let text = (0..<length).map { _ in pieces[Int.random(in: 0..<pieces.count, using: &generator)] }.joined()
      var file = try PropertiesFile(parsing: Array(text.utf8).rawSpan)
      let edited = try set([("a", " 1"), ("new", "\\")], in: text)
      file["a"] = " 1"
      file["new"] = "\\"
      let read = try PropertiesFile(parsing: Array(edited.utf8).rawSpan)
      #expect(read == file, "\(text.debugDescription) became \(edited.debugDescription)")
    }
  }
}
