extension String {
  /// The text, or its first `letters` Unicode scalars and an ellipsis when it has more bytes than that: for the log,
  /// where what clients name may be as long as a request.
  package func shortened(to letters: Int) -> String {
    utf8.count <= letters ? self : String(unicodeScalars.prefix(letters)) + "…"
  }
}
