import Foundation

/// The text files of the repository, read once.
struct SourceTree {
  /// One file.
  struct File {
    /// The path from the repository's root.
    var path: String
    /// The lines without their ends.
    var lines: [Substring]
    /// The bytes of all lines, which are searched much faster than characters.
    private let bytes: Data
    /// Where each line begins in the bytes.
    private let starts: [Int]

    init(path: String, text: String) {
      self.path = path
      bytes = Data(text.utf8)
      lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      if lines.last == "" { lines.removeLast() }
      starts = lines.map { text.utf8.distance(from: text.startIndex, to: $0.startIndex) }
    }

    /// The lines that have one of the words anywhere, with their numbers: what a closer look is for.
    func lines(with words: [String]) -> [(number: Int, text: Substring)] {
      var found: Set<Int> = []
      for word in words.map({ Data($0.utf8) }) {
        var from = 0
        while let range = bytes.range(of: word, in: from..<bytes.count) {
          let line = lineNumber(at: range.lowerBound)
          found.insert(line)
          from = line < starts.count ? starts[line] : bytes.count
        }
      }
      return found.sorted().map { ($0, lines[$0 - 1]) }
    }

    /// The lines that have one of the words, without what follows `//`.
    func code(with words: [String]) -> [(number: Int, text: Substring)] {
      lines(with: words).map { number, line in
        let comment = line.firstRange(of: "//")
        return (number, comment.map { line[..<$0.lowerBound] } ?? line)
      }
    }

    /// The number of the line that a byte is in.
    private func lineNumber(at offset: Int) -> Int {
      var (low, high) = (0, starts.count)
      while low < high {
        let middle = (low + high) / 2
        if starts[middle] <= offset { low = middle + 1 } else { high = middle }
      }
      return low
    }
  }

  /// Where the repository is.
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// Everything that people write, without fixtures and what was built.
  static let files: [File] = {
    var found: [File] = []
    let tops = [
      "Package.swift", "Makefile", "Sources", "Tests", "Scripts", "Interop", "Benchmarks", "docs", ".ci",
      "Examples/Package.swift", "Examples/Sources",
    ]
    for top in tops { found += read(top) }
    for name in contents(of: root) where name.hasSuffix(".md") { found += read(name) }
    return found.sorted { $0.path < $1.path }
  }()

  /// The Swift files under a directory.
  static func swift(under directory: String) -> [File] {
    files.filter { $0.path.hasPrefix(directory + "/") && $0.path.hasSuffix(".swift") }
  }

  private static func contents(of directory: URL) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: directory.path))?.sorted() ?? []
  }

  private static func read(_ path: String) -> [File] {
    let url = root.appending(path: path)
    if url.resolvingSymlinksInPath().hasDirectoryPath || !contents(of: url).isEmpty {
      return contents(of: url).filter { $0 != "__pycache__" }.flatMap { read(path + "/" + $0) }
    }
    guard let text = try? String(contentsOf: url, encoding: .utf8) else { return [] }
    return [File(path: path, text: text)]
  }
}
