import Foundation

/// A page of documentation, as far as tests have to understand it.
struct MarkdownPage {
  /// A block between fences.
  struct Block: Equatable {
    /// What stands behind the opening fence.
    var language: String
    /// The lines between the fences.
    var lines: [String]
  }

  /// A link to a place in the repository.
  struct Link: Equatable {
    /// The line that it is on, from 1.
    var line: Int
    /// The path from the page's directory; empty for the page itself.
    var path: String
    /// What follows `#`, or nil.
    var anchor: String?
  }

  /// The path from the repository's root.
  let path: String
  /// The blocks between fences, in order.
  private(set) var blocks: [Block] = []
  /// The headings with their marks, in order.
  private(set) var headings: [String] = []
  /// The links that stay in the repository.
  private(set) var links: [Link] = []
  /// What stands between backticks in the text, with its line.
  private(set) var spans: [(line: Int, text: String)] = []

  /// All pages of the repository.
  static let all = SourceTree.files.filter { $0.path.hasSuffix(".md") }.map { MarkdownPage($0.path, $0.lines) }

  /// The page at a path, or nil.
  static func at(_ path: String) -> MarkdownPage? { all.first { $0.path == path } }

  init(_ path: String, _ lines: [Substring]) {
    self.path = path
    var isInside = false
    for (index, line) in lines.enumerated() {
      if line.hasPrefix("```") {
        if !isInside { blocks.append(Block(language: String(line.dropFirst(3)), lines: [])) }
        isInside.toggle()
      } else if isInside {
        blocks[blocks.count - 1].lines.append(String(line))
      } else {
        if line.contains(/^#+\s/) { headings.append(String(line)) }
        readLinks(of: line, number: index + 1)
        // Cells of tables hide their bars from the table.
        for (position, part) in line.split(separator: "`", omittingEmptySubsequences: false).enumerated()
        where position % 2 == 1 {
          spans.append((index + 1, String(part.replacing("\\|", with: "|"))))
        }
      }
    }
  }

  private mutating func readLinks(of line: Substring, number: Int) {
    guard line.contains("](") else { return }
    for match in line.matches(of: #/\]\(([^)#\s]*)(\#[^)\s]*)?\)/#) {
      let target = String(match.1)
      if target.contains("://") || target.hasPrefix("mailto:") { continue }
      links.append(Link(line: number, path: target, anchor: match.2.map { String($0.dropFirst()) }))
    }
  }

  /// The names by which links reach the headings, as GitHub makes them: lower case, without punctuation, dashes for
  /// spaces, numbered when they come again.
  var anchors: Set<String> {
    var found: Set<String> = []
    for heading in headings {
      let text = heading.drop { $0 == "#" }.dropFirst().lowercased()
      let name = String(
        text.compactMap { character -> Character? in
          if character == " " { return "-" }
          return character.isLetter || character.isNumber || character == "-" || character == "_" ? character : nil
        })
      var candidate = name
      var count = 0
      while !found.insert(candidate).inserted {
        count += 1
        candidate = "\(name)-\(count)"
      }
    }
    return found
  }
}
