import ApusSystem

extension AdminSession {
  /// Puts bytes into a file, whose directories are made when they are missing.
  func write(_ bytes: [UInt8], to path: String) throws(AdminError) {
    do throws(SystemError) {
      try ProcessIO.write(bytes, toFile: path)
    } catch {
      throw AdminError("the file cannot be written: \(error)")
    }
  }
}
