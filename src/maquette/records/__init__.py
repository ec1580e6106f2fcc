"""Files of many examples each: TFRecord and ArrayRecord."""
