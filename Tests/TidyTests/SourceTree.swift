import Foundation

/// The text files of the repository, read once.
struct SourceTree {
  /// One file.
  struct File {
    /// The path from the repository's root.
    var path: String
    /// The lines without their ends.
    var lines: [Substring]

    /// The lines with their numbers, without what follows `//`.
    var code: [(number: Int, text: Substring)] {
      lines.enumerated().map { index, line in
        let comment = line.firstRange(of: "//")
        return (index + 1, comment.map { line[..<$0.lowerBound] } ?? line)
      }
    }
  }

  /// Where the repository is.
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// Everything that people write, without fixtures and what was built.
  static let files: [File] = {
    var found: [File] = []
    for top in ["Package.swift", "Makefile", "Sources", "Tests", "Scripts", "Interop", "Benchmarks", "docs", ".ci"] {
      found += read(top)
    }
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
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    if lines.last == "" { lines.removeLast() }
    return [File(path: path, lines: lines)]
  }
}
