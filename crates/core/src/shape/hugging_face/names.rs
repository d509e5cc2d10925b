//! Names that most families give their fields.

/// Blocks.
pub const LAYERS: &[&str] = &["num_hidden_layers"];
/// Numbers of a hidden state.
pub const WIDTH: &[&str] = &["hidden_size"];
/// Query heads.
pub const HEADS: &[&str] = &["num_attention_heads"];
/// Key and value heads.
pub const GROUPS: &[&str] = &["num_key_value_heads"];
/// Numbers of a head.
pub const HEAD_WIDTH: &[&str] = &["head_dim"];
/// Numbers inside the feed-forward layer.
pub const HIDDEN: &[&str] = &["intermediate_size"];
/// Longest sequence.
pub const CONTEXT: &[&str] = &["max_position_embeddings"];
/// Rows of the embedding.
pub const VOCAB: &[&str] = &["vocab_size"];
/// Whether the head shares the embedding.
pub const TIED: &str = "tie_word_embeddings";
