import CPosix

/// What tells that a file has been replaced or written to.
package struct FileStamp: Hashable, Sendable {
  private let modifiedMilliseconds: Int64
  private let length: Int64

  /// The stamp of a file at present, links followed; nil when there is none.
  package init?(of path: String) {
    var status = apus_file_status()
    guard unsafe apus_stat(path, &status) == 0 else { return nil }
    modifiedMilliseconds = status.modified_milliseconds
    length = status.length
  }
}
