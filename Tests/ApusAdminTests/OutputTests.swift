import ApusBase
import ApusModel
import ApusProtocol
import ApusSystem
import Testing

@testable import ApusAdmin

@Suite struct OutputTests {
  @Test func `a layout fills columns up, on the side that it says, and cuts them`() {
    let layout: TextLayout = "%-4s|%4s|%-3.3s|%s."
    #expect(layout.line(["a", "b", "cdefg", "h"]) == "a   |   b|cde|h.\n")
    #expect(layout.line(["abcdef", "uvwxyz", "", ""]) == "abcdef|uvwxyz|   |.\n")
  }

  @Test func `control characters are shown at a terminal, and given to programs as they are`() {
    let text = "a\tb\u{1B}[2J\u{7}\r\u{9B}1m ü\n"
    for (isTerminal, shown) in [(true, "a\tb\\x1B[2J\\x07\\x0D\\x9B1m ü\n"), (false, text)] {
      let (output, notes) = (Locked(""), Locked(""))
      let console = Console(
        write: { text in output.withLock { $0 += text } }, note: { text in notes.withLock { $0 += text } },
        isOutputTerminal: isTerminal, isNoteTerminal: isTerminal)
      console.show(text)
      console.tell(text)
      #expect(output.withLock { $0 } == shown)
      #expect(notes.withLock { $0 } == shown)
    }
  }

  @Test func `what the tool says does not command a terminal`() async {
    let notes = Locked("")
    let console = Console(
      write: { _ in }, note: { text in notes.withLock { $0 += text } }, isNoteTerminal: true)
    _ = await AdminTool.run(["\u{1B}]0;x\u{7}"], console)
    #expect(notes.withLock { $0 }.contains("'\\x1B]0;x\\x07'"))
  }

  @Test(arguments: [
    (0.0, 2, "0.00"), (1.005, 0, "1"), (2.5, 0, "3"), (-0.25, 1, "-0.3"), (-0.001, 2, "0.00"), (12.346, 2, "12.35"),
    (.nan, 2, "NaN"), (.infinity, 2, "Infinity"),
  ])
  func `numbers have as many digits as they are asked for`(number: Double, digits: Int, text: String) {
    #expect(Cell.fixed(number, digits) == text)
  }

  @Test(arguments: [
    (Int32(0), "V3_0_0_SNAPSHOT"), (15, "V3_0_0_FINAL"), (16, "V3_0_1_SNAPSHOT"), (62, "V3_1_8_SNAPSHOT"),
    (121, "V3_4_9"), (232, "V4_1_0_SNAPSHOT"), (353, "V4_7_0"), (409, "V4_9_8"), (413, "V5_0_0"), (479, "V5_3_3"),
    (9999, "HIGHER_VERSION"), (-1, "V3_0_0_SNAPSHOT"),
  ])
  func `versions have Java's names`(version: Int32, name: String) {
    #expect(VersionName.name(of: version) == name)
  }

  @Test(arguments: [
    "", "soon", "2020-01-01", "2020-01-01#00:00:00", "2020-13-01#00:00:00:000", "2020-01-01 00:00:00:000",
  ])
  func `a time of another form is none`(text: String) { #expect(WallTime(optionText: text) == nil) }

  @Test func `a time is read as it is written`() throws {
    let time = WallTime(milliseconds: 1_700_000_000_123)
    #expect(WallTime(optionText: time.optionText) == time)
    #expect(WallTime(optionText: "1700000000123") == time)
  }

  @Test func `an order configuration keeps what it is not told to change`() {
    var order = OrderConfiguration("a:4;b:8;odd")
    order["b"] = 2
    #expect(order.text == "a:4;odd;b:2")
    #expect(order["a"] == 4)
    #expect(order["c"] == nil)
  }
}
