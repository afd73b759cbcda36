import ApusBase
import Testing

@Suite struct PropertiesFileTests {
  private func parse(_ text: String) throws -> [[String]] {
    try PropertiesFile(parsing: Array(text.utf8).rawSpan).entries.map { [$0.key, $0.value] }
  }

  @Test(arguments: [
    ("a=b", [["a", "b"]]),
    ("a = b \n", [["a", "b "]]),
    ("a:b\r\nc:d", [["a", "b"], ["c", "d"]]),
    ("a b c", [["a", "b c"]]),
    ("a\t=\t:b", [["a", ":b"]]),
    ("a==b", [["a", "=b"]]),
    ("alone\nempty=\n", [["alone", ""], ["empty", ""]]),
    ("=value", [["", "value"]]),
    ("# comment \\\na=1\n  ! another\n\n \t\nb=2", [["a", "1"], ["b", "2"]]),
    ("list=one,\\\n   two,\\\r\n\tthree\nnext=4", [["list", "one,two,three"], ["next", "4"]]),
    ("k\\\n  ey=v", [["key", "v"]]),
    ("a=1\\\n# not a comment", [["a", "1# not a comment"]]),
    ("a\\=b\\:c\\ d=e", [["a=b:c d", "e"]]),
    (#"p=C\:\\dir\tx\q"#, [["p", "C:\\dir\txq"]]),
    (#"u=\u4e2d\uD83D\uDE00\ud83d!"#, [["u", "中😀\u{FFFD}!"]]),
    ("namesrvAddr=10.0.0.1:9876;10.0.0.2:9876", [["namesrvAddr", "10.0.0.1:9876;10.0.0.2:9876"]]),
    ("a=1\nb=2\na=3", [["a", "3"], ["b", "2"]]),
    ("a=x\\", [["a", "x"]]),
    ("中=文", [["中", "文"]]),
    ("\u{FEFF}a=1\n\u{FEFF}b=2", [["a", "1"], ["\u{FEFF}b", "2"]]),
    ("\u{FEFF}# comment\na=1", [["a", "1"]]),
    ("", []),
  ])
  func `reads what Java reads`(_ text: String, _ expected: [[String]]) throws {
    #expect(try parse(text) == expected)
  }

  @Test(arguments: [
    ("a=1\nb=\\u12", "line 2"),
    ("a=1\\\n\\u12G4", "line 2"),
  ])
  func `names the line of a malformed escape`(_ text: String, _ line: String) {
    let error = #expect(throws: DecodeError.self) { try parse(text) }
    #expect(error?.reason.hasPrefix(line) == true)
  }

  @Test func `refuses bytes that are not UTF-8`() {
    #expect(throws: DecodeError.self) { try PropertiesFile(parsing: [0x61, 0x3D, 0xFF].rawSpan) }
  }

  @Test func `refuses a text that is too long`() {
    let text = [UInt8](repeating: UInt8(ascii: "#"), count: PropertiesFile.byteLimit + 1)
    #expect(throws: DecodeError.self) { try PropertiesFile(parsing: text.rawSpan) }
  }

  @Test func `refuses too many entries`() {
    let text = (0...PropertiesFile.entryLimit).map { "k\($0)\n" }.joined()
    #expect(throws: DecodeError.self) { try parse(text) }
  }

  @Test func `a key that begins as a byte order mark is read as it was written`() throws {
    let file = PropertiesFile([.init("\u{FEFF}\u{FEFF}#a", "1"), .init("\u{FEFF}", "2")])
    #expect(try PropertiesFile(parsing: file.text.rawSpan) == file)
  }

  @Test func `writes lines as RocketMQ does where nothing needs an escape`() {
    let file = PropertiesFile([.init("listenPort", "9876"), .init("addr", "10.0.0.1:9876;10.0.0.2:9876")])
    #expect(String(decoding: file.text, as: UTF8.self) == "listenPort=9876\naddr=10.0.0.1:9876;10.0.0.2:9876\n")
  }

  @Test(arguments: [
    " lead", "trail ", "a=b", "a:b", "#x", "!x", "back\\slash", "new\nline\r\t\u{0C}", "中😀", "", "=", ":x",
  ])
  func `reads back what it wrote`(_ text: String) throws {
    let file = PropertiesFile([.init(text, text), .init("last", text)])
    #expect(try PropertiesFile(parsing: file.text.rawSpan) == file)
  }

  @Test func `keeps the order when entries change`() {
    var file = PropertiesFile([.init("a", "1"), .init("b", "2"), .init("c", "3")])
    file["a"] = nil
    file["c"] = "4"
    file["a"] = "5"
    file["none"] = nil
    #expect(file.entries.map(\.key) == ["b", "c", "a"])
    #expect(file["c"] == "4")
    #expect(file["none"] == nil)
  }

  @Test func `never traps on damaged bytes`() {
    let text = Array(#"a\u4e2d=x\"#.utf8) + Array("\\\n b : c\r\n!".utf8)
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<2_000 {
      var damaged = text
      for _ in 0..<3 {
        damaged[Int.random(in: 0..<damaged.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      damaged.removeLast(Int.random(in: 0..<damaged.count, using: &generator))
      if let file = try? PropertiesFile(parsing: damaged.rawSpan) {
        #expect((try? PropertiesFile(parsing: file.text.rawSpan)) == file)
      }
    }
  }
}
