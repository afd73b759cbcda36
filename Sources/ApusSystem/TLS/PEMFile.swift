import ApusBase
import COpenSSL

/// A certificate in memory.
@safe
final class Certificate {
  let pointer: OpaquePointer

  /// Takes it over.
  init(_ pointer: OpaquePointer) { unsafe self.pointer = pointer }

  deinit { unsafe X509_free(pointer) }
}

/// A private key in memory.
@safe
final class PrivateKey {
  let pointer: OpaquePointer

  /// Takes it over.
  init(_ pointer: OpaquePointer) { unsafe self.pointer = pointer }

  deinit { unsafe EVP_PKEY_free(pointer) }
}

/// Reads PEM files (RFC 7468): certificates and private keys.
enum PEMFile {
  /// Far more than a chain of certificates has.
  private static let byteLimit = 4 << 20

  /// All certificates of a file, at least one.
  static func certificates(_ path: String) throws(TLSError) -> [Certificate] {
    let content = try content(path)
    return try unsafe withReader(of: content) { (reader) throws(TLSError) in
      var certificates: [Certificate] = []
      while let next = unsafe PEM_read_bio_X509_AUX(reader, nil, { _, _, _, _ in -1 }, nil) {
        unsafe certificates.append(Certificate(next))
      }
      // The end of the file is told like an error.
      let isEnd = isReason(ERR_peek_last_error(), PEM_R_NO_START_LINE)
      guard isEnd || certificates.isEmpty else { throw TLSError.noted("\(path) holds a certificate that is damaged") }
      TLSError.forget()
      guard !certificates.isEmpty else { throw TLSError("\(path) holds no certificate") }
      return certificates
    }
  }

  /// The private key of a file, decrypted where it is encrypted.
  static func privateKey(_ path: String, password: String?) throws(TLSError) -> PrivateKey {
    let content = try content(path)
    var secret = Array((password ?? "").utf8CString)
    return try unsafe withReader(of: content) { (reader) throws(TLSError) in
      let key = unsafe secret.withUnsafeMutableBufferPointer { bytes in
        // Without a callback OpenSSL would ask on the terminal.
        unsafe PEM_read_bio_PrivateKey(reader, nil, givePassword, password == nil ? nil : bytes.baseAddress)
      }
      if let key = unsafe key { return unsafe PrivateKey(key) }
      let last = ERR_peek_last_error()
      defer { TLSError.forget() }
      if isReason(last, PEM_R_NO_START_LINE) { throw TLSError("\(path) holds no private key") }
      if isReason(last, PEM_R_BAD_PASSWORD_READ) {
        throw TLSError("the key in \(path) is encrypted and no password is given")
      }
      if isEncrypted(content) { throw TLSError("the password does not open the key in \(path)") }
      throw TLSError.noted("the key in \(path) cannot be read")
    }
  }

  private static func content(_ path: String) throws(TLSError) -> [UInt8] {
    let content: [UInt8]
    do throws(SystemError) {
      content = try ProcessIO.contents(of: path, byteLimit: byteLimit)
    } catch {
      throw TLSError("\(error)")
    }
    guard !content.isEmpty else { throw TLSError("\(path) is empty") }
    return content
  }

  private static func withReader<Result>(
    of content: [UInt8], _ body: (OpaquePointer) throws(TLSError) -> Result
  ) throws(TLSError) -> Result {
    TLSError.forget()
    return try unsafe content.rawSpan.withUnsafeBytes { (bytes) throws(TLSError) in
      // Reads the memory where it is, which outlives it.
      guard let reader = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else {
        throw TLSError.noted("no memory")
      }
      defer { unsafe BIO_free(reader) }
      return try unsafe body(reader)
    }
  }

  private static func isReason(_ code: UInt, _ reason: Int32) -> Bool {
    ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == reason
  }

  private static func isEncrypted(_ content: [UInt8]) -> Bool {
    String(decoding: content, as: UTF8.self).split(whereSeparator: \.isNewline).contains {
      $0 == "-----BEGIN ENCRYPTED PRIVATE KEY-----" || $0.hasPrefix("Proc-Type: 4,ENCRYPTED")
    }
  }
}

/// Gives OpenSSL the password that it is called with: a C string, or nothing.
private func givePassword(
  _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int32, _ isWriting: Int32, _ secret: UnsafeMutableRawPointer?
) -> Int32 {
  guard let buffer = unsafe buffer, let secret = unsafe secret?.assumingMemoryBound(to: CChar.self) else { return -1 }
  var count = 0
  while unsafe secret[count] != 0 {
    guard count < Int(size) else { return -1 }
    unsafe buffer[count] = unsafe secret[count]
    count += 1
  }
  return Int32(count)
}
