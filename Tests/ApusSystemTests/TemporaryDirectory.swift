import ApusBase
import ApusSystem

/// A directory that exists as long as the value, below the system's place for temporary files.
final class TemporaryDirectory {
  let path: String
  private let disk = PosixDisk()

  init() throws {
    let name = SystemRandom.bytes(8).map { String($0, radix: 16) }.joined()
    path = "/tmp/apus-test-\(name)"
    try disk.createDirectory(path)
  }

  deinit {
    do { try disk.removeDirectory(path) } catch { print("\(error)") }
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// The whole content of a file as text.
  func text(_ name: String) throws -> String {
    let file = try disk.open(file(name), create: false)
    defer { disk.close(file) }
    var bytes = [UInt8](repeating: 0, count: Int(try disk.length(of: file)))
    let count = try unsafe bytes.withUnsafeMutableBytes { try unsafe disk.read(file, at: 0, into: $0) }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }
}

extension PosixDisk {
  func writeText(_ text: String, to file: DiskFile, at offset: Int64 = 0) throws {
    try unsafe Array(text.utf8).withUnsafeBytes { try unsafe write(file, at: offset, from: $0) }
  }

  func readText(_ file: DiskFile, at offset: Int64, count: Int) throws -> String {
    var bytes = [UInt8](repeating: 0, count: count)
    let length = try unsafe bytes.withUnsafeMutableBytes { try unsafe read(file, at: offset, into: $0) }
    return String(decoding: bytes[..<length], as: UTF8.self)
  }
}
