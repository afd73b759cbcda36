import ApusBase
import ApusSystem

/// The inputs that are kept in files: those of a corpus, and those that found something.
struct InputFiles {
  private let disk = PosixDisk()

  /// The inputs in a directory, by name; none when it does not exist.
  func inputs(in directory: String) throws(DiskError) -> [[UInt8]] {
    var inputs: [[UInt8]] = []
    for entry in try disk.list(directory) where !entry.isDirectory {
      let path = directory + "/" + entry.name
      guard let bytes = ProcessIO.read(path) else { throw DiskError(.denied, operation: "read", path: path) }
      inputs.append(bytes)
    }
    return inputs
  }

  /// Writes an input to a file, in place of what was there. A file that cannot be written is told about.
  func keep(_ input: [UInt8], at path: String) {
    do throws(DiskError) {
      let file = try disk.open(path, create: true)
      defer { disk.close(file) }
      try disk.setLength(of: file, to: 0)
      if !input.isEmpty { try disk.write(file, at: 0, bytes: input.rawSpan) }
    } catch {
      ProcessIO.write("\(error)\n", to: .standardError)
    }
  }
}
